import { setTimeout as pause } from 'node:timers/promises';
import { styleText } from 'node:util';

const INDENT = '   ';

/** Where the show is seen: lines and words on a terminal, in colour where that is one. */
export class Stage {
  readonly #hasColors: boolean;
  #step = 0;
  #isInLine = false;

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly signal: AbortSignal,
    /** For the eye, between two steps. */
    private readonly stepPauseMs: number,
  ) {
    this.#hasColors = out.isTTY && out.hasColors();
  }

  /** Opens the next step of the show. */
  async step(title: string): Promise<void> {
    this.#step += 1;
    if (this.#step > 1) await pause(this.stepPauseMs, undefined, { signal: this.signal });
    this.#write(`\n${this.#styled('bold', `${this.#step}. ${title}`)}\n`);
  }

  /** What somebody asks. */
  prompt(text: string): void {
    this.#write(`${INDENT}${this.#styled('cyan', `> ${text}`)}\n`);
  }

  /** A piece of an answer, when it arrives. */
  word(text: string): void {
    this.#write(this.#isInLine ? text : `${INDENT}${text}`);
    this.#isInLine = true;
  }

  endWords(): void {
    if (this.#isInLine) this.#write('\n');
    this.#isInLine = false;
  }

  /** What is told beside the answers. */
  note(...lines: readonly string[]): void {
    for (const line of lines) this.#write(`${INDENT}${this.#styled('dim', line)}\n`);
  }

  /** As it is, from the edge of the screen. */
  lines(...lines: readonly string[]): void {
    this.endWords();
    this.#write(`${lines.join('\n')}\n`);
  }

  #styled(format: 'bold' | 'cyan' | 'dim', text: string): string {
    return this.#hasColors ? styleText(format, text, { validateStream: false }) : text;
  }

  #write(text: string): void {
    if (this.out.writable) this.out.write(text);
  }
}
