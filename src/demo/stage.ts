import { setTimeout as pause } from 'node:timers/promises';
import { styleText } from 'node:util';

const INDENT = '   ';

/** The part of a terminal or pipe that the show needs. */
export interface StageOutput {
  readonly isTTY: boolean;
  readonly writable: boolean;
  hasColors(): boolean;
  write(text: string): boolean;
}

/** Prints the show: lines and words, in colour on a terminal. */
export class Stage {
  readonly #hasColors: boolean;
  #step = 0;
  #isInLine = false;

  constructor(
    private readonly out: StageOutput,
    private readonly signal: AbortSignal,
    /** Pause between two steps, for the reader. */
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

  /** Prints a prompt. */
  prompt(text: string): void {
    this.#write(`${INDENT}${this.#styled('cyan', `> ${text}`)}\n`);
  }

  /** Prints a piece of a response as it arrives. */
  word(text: string): void {
    this.#write(this.#isInLine ? text : `${INDENT}${text}`);
    this.#isInLine = true;
  }

  endWords(): void {
    if (this.#isInLine) this.#write('\n');
    this.#isInLine = false;
  }

  /** Prints remarks between the responses. */
  note(...lines: readonly string[]): void {
    for (const line of lines) this.#write(`${INDENT}${this.#styled('dim', line)}\n`);
  }

  /** Prints lines without indent or style. */
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
