import { Injectable } from '@nestjs/common';
import { limits } from '../config/limits.js';

/** One attempt of a request. Times are epoch ms. */
export interface AttemptEntry {
  readonly account: string;
  /** Why this account was chosen: `pinned`, `affinity`, `policy`, or why it was tried again. */
  readonly by: string;
  readonly startedAt: number;
  readonly outcome: string;
  readonly status: number | null;
  /** The outcome that the stream reported after its first output; null if none. */
  readonly failedLate: string | null;
}

/** How a request was routed. Contains no secret, no e-mail address and no content. */
export interface RequestEntry {
  readonly id: string;
  readonly at: number;
  readonly method: string;
  readonly route: string;
  /** Hash of the session key; null without a session. */
  readonly session: string | null;
  /** Every account at the first selection; `passedOver` is null for accounts that could have served. */
  readonly candidates: readonly { readonly account: string; readonly passedOver: string | null }[];
  readonly attempts: readonly AttemptEntry[];
  /** False if the body was too large to keep for another attempt. */
  readonly isReplayable: boolean;
  readonly result: string;
  readonly endedAt: number | null;
}

/** A request that is or was served; its entry is made when it is asked for. It holds nothing of the request's body. */
export interface LoggedRequest {
  readonly id: string;
  entry(): RequestEntry;
}

/** The most recent requests, in memory; bounded. */
@Injectable()
export class RequestLog {
  /** A ring. (In a map, the search for the oldest entry would pass the places of all that were deleted.) */
  private readonly requests: LoggedRequest[] = [];
  /** The place of the next entry. */
  private next = 0;
  private changes = 0;

  /** Grows with every change to an entry, so that a watcher need not build the entries to see that nothing changed. */
  get version(): number {
    return this.changes;
  }

  /** Notes that an entry has changed. */
  changed(): void {
    this.changes += 1;
  }

  /** Adds a request, once. The oldest is dropped first. */
  put(request: LoggedRequest): void {
    this.changes += 1;
    this.requests[this.next] = request;
    this.next = (this.next + 1) % limits.requestLogEntries;
  }

  find(id: string): RequestEntry | null {
    return this.requests.find((it) => it.id === id)?.entry() ?? null;
  }

  /** Returns the newest entries, newest first. */
  list(count: number): RequestEntry[] {
    const oldestFirst = [...this.requests.slice(this.next), ...this.requests.slice(0, this.next)];
    const newest = oldestFirst.slice(-count).toReversed();
    return newest.map((it) => it.entry());
  }
}
