import type { ClientRequest } from 'node:http';
import { limits } from '../../config/limits.js';
import type { Clock } from '../../runtime/clock.js';

class Waiting implements Disposable {
  /** Bytes that have arrived on the connection or were handed to it. */
  progress: number;
  /** Its place in the list; null once it is no longer watched. */
  place: number | null = null;

  constructor(
    readonly request: ClientRequest,
    readonly canConnect: () => Promise<boolean>,
    readonly giveUp: () => void,
    /** Epoch ms of the last progress. */
    public since: number,
    /** Takes it from the list. */
    private readonly leave: (it: Waiting) => void,
  ) {
    this.progress = progressOf(request);
  }

  [Symbol.dispose](): void {
    this.leave(this);
  }
}

/**
 * Requests on reused connections without a first byte of their response. A changed network or a forgetful NAT leaves
 * a connection open that delivers nothing. A request on it would wait until the idle limit, although a new connection
 * works.
 */
export class SilentRequests {
  /**
   * A list, in which the last one takes the place of one that leaves. Not a set: when a set makes itself a new table,
   * the old table keeps all its requests alive, with everything that they refer to, through V8's minor collections.
   */
  readonly #waiting: Waiting[] = [];

  constructor(private readonly clock: Clock) {}

  /**
   * Watches a request until the result is disposed of, as it must be at the response. `canConnect`: whether a new
   * connection to the same host can be opened now. `giveUp`: called once when the request has been silent for too long
   * and a new connection works.
   */
  watch(request: ClientRequest, canConnect: () => Promise<boolean>, giveUp: () => void): Disposable {
    const it = new Waiting(request, canConnect, giveUp, this.clock.now(), this.#leave);
    it.place = this.#waiting.push(it) - 1;
    return it;
  }

  /** Call it about once a second. */
  check(): void {
    const now = this.clock.now();
    for (const it of this.#waiting.slice()) {
      const progress = progressOf(it.request);
      if (progress !== it.progress) Object.assign(it, { progress, since: now });
      else if (now - it.since > limits.silentMs) void this.#giveUpIfConnectable(it);
    }
  }

  async #giveUpIfConnectable(it: Waiting): Promise<void> {
    if (!(await it.canConnect())) return; // the network is down: a new connection would not help
    if (progressOf(it.request) !== it.progress) return; // meanwhile it goes on
    if (it.place === null) return; // its response has come
    this.#leave(it);
    it.giveUp();
  }

  readonly #leave = (it: Waiting): void => {
    const { place } = it;
    const last = this.#waiting.at(-1);
    if (place === null || last === undefined) return;
    this.#waiting[place] = last;
    last.place = place;
    this.#waiting.pop();
    it.place = null;
  };
}

/** An upload makes progress, too: only bytes that the system has taken count. */
function progressOf({ socket }: ClientRequest): number {
  return socket === null ? 0 : socket.bytesRead + socket.bytesWritten - socket.writableLength;
}
