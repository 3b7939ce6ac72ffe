import { Injectable } from '@nestjs/common';
import type { RequestView } from '../api/request.js';
import { limits } from '../config/limits.js';

/** One attempt of a request. Times are epoch ms. */
export type AttemptEntry = RequestView['attempts'][number];

/** How a request was routed. Contains no secret, no e-mail address and no content. */
export type RequestEntry = RequestView;

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

  /** When the newest request came, epoch ms; null if none has since the start. */
  get newestAt(): number | null {
    return this.requests.at(this.next - 1)?.entry().at ?? null;
  }

  find(id: string): RequestEntry | null {
    return this.requests.find((it) => it.id === id)?.entry() ?? null;
  }

  /** Returns all entries, the last one first. */
  list(): RequestEntry[] {
    const oldestFirst = [...this.requests.slice(this.next), ...this.requests.slice(0, this.next)];
    return oldestFirst.toReversed().map((it) => it.entry());
  }
}
