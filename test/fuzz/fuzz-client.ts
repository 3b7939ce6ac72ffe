import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { answerFindings } from './answer-findings.js';
import { type ReadAnswers, readAnswers } from './answers.js';
import { ByteWatch } from './byte-watch.js';

/** How a client writes. */
export type Delivery = 'whole' | 'pieces' | 'bytes';
/** The client's next step after its last write. */
export type Ending = 'wait' | 'half-close' | 'reset' | 'close';

/** More bytes than this are looked at for tokens, but not kept. */
const KEPT_BYTES = 2 * 1_024 * 1_024;

/** A client at TCP level: writes anything, keeps what it gets, and finds tokens in it. */
export class FuzzClient implements Disposable {
  readonly findings = new Set<string>();
  readonly #socket: Socket;
  readonly #watch: ByteWatch;
  readonly #watchers = new Set<() => void>();
  #got: Buffer = Buffer.alloc(0);
  #isClosed = false;

  constructor(origin: string, secrets: readonly string[]) {
    const { hostname, port } = new URL(origin);
    this.#watch = new ByteWatch(secrets, (it) =>
      this.findings.add(`a token reached the client: ${it.slice(0, 20)}…`),
    );
    this.#socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    this.#socket.setNoDelay(true);
    this.#socket.on('error', () => undefined); // the close event follows
    this.#socket.on('data', (bytes: Buffer) => {
      this.#watch.add(bytes);
      if (this.#got.length < KEPT_BYTES) this.#got = Buffer.concat([this.#got, bytes]);
      this.#changed();
    });
    const closed = (): void => {
      this.#isClosed = true;
      this.#changed();
    };
    this.#socket.once('end', closed);
    this.#socket.once('close', closed);
  }

  get got(): Buffer {
    return this.#got;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Writes all pieces, then ends as told. Stops silently when the other side has closed. */
  async write(pieces: readonly Buffer[], ending: Ending = 'wait', endsAfterMs = 0): Promise<void> {
    for (const piece of pieces) {
      if (this.#isClosed || this.#socket.destroyed) return;
      await new Promise<void>((resolve) => {
        this.#socket.once('close', resolve);
        this.#socket.write(piece, () => {
          this.#socket.off('close', resolve);
          resolve();
        });
      });
      if (pieces.length > 1) await new Promise((resolve) => void setImmediate(resolve));
    }
    if (ending !== 'wait' && endsAfterMs > 0) await pause(endsAfterMs);
    if (ending === 'half-close') this.#socket.end();
    if (ending === 'reset') this.#socket.resetAndDestroy();
    if (ending === 'close') this.#socket.destroy();
  }

  /** Stops reading, as a client does that does not care. */
  pause(): void {
    this.#socket.pause();
  }

  /** Resolves when the condition holds, the other side has closed, or the time is over. */
  async until(condition: () => boolean, limitMs: number): Promise<void> {
    if (this.#isClosed || this.#socket.destroyed || condition()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const over = new AbortController();
    const look = (): void => {
      if (this.#isClosed || condition()) resolve();
    };
    this.#watchers.add(look);
    await Promise.race([promise, pause(limitMs, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
    this.#watchers.delete(look);
  }

  /** Waits for this many answers. */
  async answers(methods: readonly string[], count: number, limitMs: number): Promise<ReadAnswers> {
    const read = (): ReadAnswers => readAnswers(this.#got, methods);
    const isEnough = (): boolean => {
      if (this.#got.length >= KEPT_BYTES) return false;
      const { answers, fault, upgraded } = read();
      return (
        fault !== null || upgraded !== null || (answers.length >= count && answers.at(-1)?.isWhole === true)
      );
    };
    await this.until(isEnough, limitMs);
    return read();
  }

  /** Everything that is wrong with what this client got. */
  allFindings(methods: readonly string[]): string[] {
    const cut = this.#got.length >= KEPT_BYTES;
    return [...this.findings, ...(cut ? [] : answerFindings(readAnswers(this.#got, methods), methods))];
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}

/** The pieces in which these bytes are written. */
export function piecesOf(bytes: Buffer, delivery: Delivery, cuts: readonly number[]): Buffer[] {
  switch (delivery) {
    case 'whole':
      return [bytes];
    case 'bytes':
      return bytes.length > 1_500 ? [bytes] : [...bytes].map((it) => Buffer.from([it]));
    case 'pieces': {
      const at = [0, ...cuts.map((it) => it % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
      return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
    }
    default:
      return delivery satisfies never;
  }
}
