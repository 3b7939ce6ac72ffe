import type { IncomingHttpHeaders } from 'node:http';
// Taken at load time, so that a test which fakes the clock does not stop the deadline of its own waiting.
import { clearTimeout, setTimeout } from 'node:timers';

const DEFAULT_LIMIT_MS = 5_000;

/** One request that reached the fake upstream; it enters the log when its body has been read. */
export interface LoggedRequest {
  readonly id: number;
  /** When its head arrived, epoch milliseconds. */
  readonly at: number;
  readonly method: string;
  /** Path and query exactly as they came. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** Account whose access token it carried; null if nobody's. */
  readonly account: string | null;
  /** Status that was sent; null as long as no head has left. */
  readonly status: number | null;
  /** The other side closed before our answer had ended. */
  readonly closedEarly: boolean;
  readonly endedAt: number | null;
}

/** The log entry while its request is still being served. */
export interface OpenEntry extends LoggedRequest {
  body: Buffer;
  /** The connection became a WebSocket: that is the whole answer. */
  isUpgraded: boolean;
  closedEarly: boolean;
  endedAt: number | null;
}

/** Everything that reached the fake upstream, in order, and a way to wait for more without polling. */
export class RequestLog {
  readonly #entries: LoggedRequest[] = [];
  readonly #watchers = new Set<() => void>();

  get entries(): readonly LoggedRequest[] {
    return this.#entries;
  }

  add(entry: LoggedRequest): void {
    this.#entries.push(entry);
    this.changed();
  }

  /** To be called after each change of an entry: wakes those who wait. */
  changed(): void {
    for (const look of this.#watchers) look();
  }

  /** Resolves as soon as the predicate holds; rejects after 5 s (or as told), naming what was waited for. */
  async until(
    predicate: (log: readonly LoggedRequest[]) => boolean,
    what: string,
    limitMs = DEFAULT_LIMIT_MS,
  ): Promise<void> {
    if (predicate(this.#entries)) return;
    await new Promise<void>((resolve, reject) => {
      const finish = (settle: () => void): void => {
        clearTimeout(deadline);
        this.#watchers.delete(look);
        settle();
      };
      const look = (): void => {
        try {
          if (predicate(this.#entries)) finish(resolve);
        } catch (error) {
          finish(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      const deadline = setTimeout(() => {
        finish(() =>
          reject(new Error(`The fake upstream waited ${limitMs} ms in vain for ${what}\n${this.#told()}`)),
        );
      }, limitMs);
      this.#watchers.add(look);
    });
  }

  #told(): string {
    const lines = this.#entries.map(
      (it) => `  ${it.id} ${it.method} ${it.path} account=${it.account ?? '-'} status=${it.status ?? '-'}`,
    );
    return lines.length === 0 ? '  (nothing has reached it)' : lines.slice(-20).join('\n');
  }
}
