import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { limits } from '../../config/limits.js';

/** Bytes that are parsed at a time while requests wait: no more than they contain is parsed ahead. */
const PIECE_BYTES = 4 * 1_024;

interface Waiting {
  readonly res: ServerResponse;
  readonly serve: () => void;
}

/**
 * The requests of one client connection. A client may send any number without waiting for responses (RFC 9112 9.3.2),
 * and Node hands over all of them at once. This class serves `limits.pipelinedRequests` at a time, in order; one more
 * begins when a response has ended, after other connections have had their turn.
 *
 * While parsed requests wait, no more bytes are parsed. They are still read, up to `limits.socketBacklogBytes`, so that
 * a client that leaves is noticed at once; beyond that, with the next byte that is sent to it.
 */
export class Pipeline {
  /** The unfinished responses, in order; rarely more than one. (Not a set, see `SilentRequests`.) */
  readonly responses: ServerResponse[] = [];
  /** The last request whose turn has come: the only one whose body may be incomplete. */
  latest: ServerResponse | null = null;
  private readonly waiting: Waiting[] = [];
  private underway = 0;
  private isDue = false;
  /** Node's listener for bytes, once this class passes the bytes on. */
  private parse: ((bytes: Buffer) => void) | null = null;
  private unparsed: Buffer[] = [];
  private unparsedBytes = 0;
  private isFull = false;
  private isHandedOver = false;
  /** Whether Node has stopped the connection. Only for as long as its parser reads the connection by itself. */
  private isStopped = false;

  constructor(private readonly socket: Socket) {
    socket.on('pause', this.onStop).on('resume', this.onGoOn);
  }

  /** Whether the parser lacks bytes that have arrived. */
  get isHeldBack(): boolean {
    return this.unparsedBytes > 0;
  }

  /** Whether a request has been given to `take` before. */
  has(res: ServerResponse): boolean {
    return this.responses.includes(res);
  }

  /** Takes up a request: `serve` is called now, or when its turn has come, or never if the connection ends before. */
  take(res: ServerResponse, serve: () => void): void {
    this.responses.push(res);
    if (this.waiting.length === 0 && this.underway < limits.pipelinedRequests) this.begin({ res, serve });
    else {
      this.waiting.push({ res, serve });
      // On the next tick: now the parser is in the middle of its bytes.
      if (this.parse === null) process.nextTick(() => this.hold());
    }
  }

  /** Called when a response has ended. */
  ended(res: ServerResponse): void {
    const place = this.responses.indexOf(res);
    if (place >= 0) this.responses.splice(place, 1);
    if (this.latest === res && res.req.complete) this.latest = null;
    if (!this.waiting.some((it) => it.res === res)) this.underway -= 1;
    if (this.isDue || (this.waiting.length === 0 && !this.isHeldBack)) return;
    this.isDue = true;
    // Local responses end on the same tick; a chain of them would hold the event loop.
    setImmediate(() => {
      this.isDue = false;
      this.proceed();
    });
  }

  /** Called when the parser hands the connection over. The bytes that it has not seen become readable again. */
  handOver(): void {
    this.isHandedOver = true;
    if (this.parse !== null) this.socket.off('data', this.onData).off('resume', this.onResume);
  }

  /** Called when the connection has ended: requests that wait are never served. */
  over(): void {
    this.waiting.length = 0;
    this.isHandedOver = true;
    this.forget();
  }

  private begin({ res, serve }: Waiting): void {
    this.underway += 1;
    this.latest = res;
    serve();
  }

  private proceed(): void {
    while (this.underway < limits.pipelinedRequests) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      this.begin(next);
    }
    if (this.waiting.length > 0) return;
    if (this.isFull) {
      this.isFull = false;
      this.socket.resume();
    }
    this.feed();
  }

  /**
   * Puts this class between the connection and the parser. While Node has stopped the connection, that has to wait: the
   * stream does not know that it was stopped below it, and would never read again.
   */
  private hold(): void {
    if (this.parse !== null || this.isHandedOver || this.isStopped || this.socket.destroyed) return;
    const [listener] = this.socket.listeners('data');
    if (listener === undefined) return;
    const parse = (bytes: Buffer) => void Reflect.apply(listener, this.socket, [bytes]);
    this.parse = parse;
    this.socket.off('pause', this.onStop).off('resume', this.onGoOn);
    this.socket.removeAllListeners('data').on('data', this.onData).on('resume', this.onResume);
  }

  private readonly onStop = (): void => {
    this.isStopped = true;
  };

  /** Node's own listener came first, and may have stopped the connection again. */
  private readonly onGoOn = (): void => {
    this.isStopped = this.socket.isPaused();
    if (this.waiting.length > 0) this.hold();
  };

  private readonly onData = (bytes: Buffer): void => {
    this.unparsed.push(bytes);
    this.unparsedBytes += bytes.length;
    this.feed();
    if (this.unparsedBytes <= limits.socketBacklogBytes || this.waiting.length === 0) return;
    this.isFull = true;
    this.socket.pause();
  };

  private readonly onResume = (): void => {
    if (this.isFull) this.socket.pause();
    else this.feed();
  };

  /** Parses what has arrived until a request has to wait, or the reader of a body falls behind. */
  private feed(): void {
    while (this.waiting.length === 0 && !this.socket.isPaused() && !this.isHandedOver) {
      const piece = this.nextPiece();
      if (piece === null) break;
      this.parse?.(piece);
    }
    if (this.isHandedOver && this.isHeldBack) {
      this.socket.unshift(Buffer.concat(this.unparsed));
      this.forget();
    }
  }

  private nextPiece(): Buffer | null {
    const [first] = this.unparsed;
    if (first === undefined) return null;
    const piece = first.subarray(0, PIECE_BYTES);
    if (piece.length === first.length) this.unparsed.shift();
    else this.unparsed[0] = first.subarray(PIECE_BYTES);
    this.unparsedBytes -= piece.length;
    return piece;
  }

  private forget(): void {
    this.unparsed = [];
    this.unparsedBytes = 0;
  }
}
