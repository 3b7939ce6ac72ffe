import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Where a command writes. Styles vanish with `NO_COLOR` and when the output is no terminal. */
export class Output {
  private readonly reader = new AbortController();

  constructor(
    private readonly out: NodeJS.WriteStream = process.stdout,
    private readonly err: NodeJS.WriteStream = process.stderr,
  ) {
    // A reader that has left, such as `head`, is no fault.
    for (const stream of [out, err]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
        if (stream === out) this.reader.abort();
      });
    }
  }

  /** Aborted when the reader of the output has left. */
  get readerGone(): AbortSignal {
    return this.reader.signal;
  }

  get isTerminal(): boolean {
    return this.out.isTTY;
  }

  /** Columns of the terminal; 80 if the output is no terminal. */
  get columns(): number {
    return this.out.isTTY ? this.out.columns : 80;
  }

  /** Rows of the terminal; 24 if the output is no terminal. */
  get rows(): number {
    return this.out.isTTY ? this.out.rows : 24;
  }

  write(text: string): void {
    this.out.write(text);
  }

  line(text = ''): void {
    this.write(`${text}\n`);
  }

  /** Writes to the error output, so that a pipe gets only the result. */
  note(text: string): void {
    this.err.write(`${text}\n`);
  }

  json(value: unknown): void {
    this.line(JSON.stringify(value, null, 2));
  }

  style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.out });
  }
}
