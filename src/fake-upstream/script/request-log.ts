import type { IncomingHttpHeaders } from 'node:http';
// Imported at load time, so that a test with fake timers does not stop the deadline of its own wait.
import { clearTimeout, setTimeout } from 'node:timers';

const DEFAULT_LIMIT_MS = 5_000;

/** A request that reached the fake upstream. It is logged once its body has been read. */
export interface LoggedRequest {
  readonly id: number;
  /** The remote port of its connection: equal for requests on the same connection. */
  readonly connection: number;
  /** Time at which its head arrived, epoch milliseconds. */
  readonly at: number;
  readonly method: string;
  /** Path and query exactly as received. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** The account that its access token belongs to; null if the token is unknown. */
  readonly account: string | null;
  /** The status that was sent; null until the response head is sent. */
  readonly status: number | null;
  /** Whether the client closed before the response had ended. */
  readonly closedEarly: boolean;
  readonly endedAt: number | null;
}

/** The log entry of a request that is still being served. */
export interface OpenEntry extends LoggedRequest {
  body: Buffer;
  /** Whether the connection became a WebSocket; this ends the HTTP exchange. */
  isUpgraded: boolean;
  closedEarly: boolean;
  endedAt: number | null;
}

/** All requests that reached the fake upstream, in order. Waits for more of them without polling. */
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

  /** Wakes the waiters. Call it after each change of an entry. */
  changed(): void {
    for (const look of this.#watchers) look();
  }

  /** Resolves as soon as the predicate holds. Rejects after `limitMs` (5 s by default) with an error that names `what`. */
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
          reject(
            new Error(
              `The fake upstream timed out after ${limitMs} ms waiting for ${what}\n${this.#summary()}`,
            ),
          ),
        );
      }, limitMs);
      this.#watchers.add(look);
    });
  }

  #summary(): string {
    const lines = this.#entries.map(
      (it) => `  ${it.id} ${it.method} ${it.path} account=${it.account ?? '-'} status=${it.status ?? '-'}`,
    );
    return lines.length === 0 ? '  (nothing has reached it)' : lines.slice(-20).join('\n');
  }
}
