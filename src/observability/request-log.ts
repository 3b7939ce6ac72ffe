import { Injectable } from '@nestjs/common';
import { limits } from '../config/limits.js';

/** One attempt of a request. Times are epoch ms. */
export interface AttemptEntry {
  readonly account: string;
  /** What made it this account: owner, affinity, policy, or again after a fault. */
  readonly by: string;
  readonly startedAt: number;
  readonly outcome: string;
  readonly status: number | null;
  /** The outcome that the stream reported after its first output; null for none. */
  readonly failedLate: string | null;
}

/** Why a request went where it went. Holds no secret, no e-mail and no content. */
export interface RequestEntry {
  readonly id: string;
  readonly at: number;
  readonly method: string;
  readonly route: string;
  /** Hash of the session key; null without a session. */
  readonly session: string | null;
  /** What every account was at the first choice; `passedOver` null means it could have served. */
  readonly candidates: readonly { readonly account: string; readonly passedOver: string | null }[];
  readonly attempts: readonly AttemptEntry[];
  /** False when the body was too large to be kept for another attempt. */
  readonly isReplayable: boolean;
  readonly result: string;
  readonly endedAt: number | null;
}

/** The last decisions, newest last; bounded, in memory. */
@Injectable()
export class RequestLog {
  private readonly decisions = new Map<string, RequestEntry>();

  put(decision: RequestEntry): void {
    this.decisions.set(decision.id, decision);
    if (this.decisions.size <= limits.decisions) return;
    const oldest = this.decisions.keys().next();
    if (oldest.done !== true) this.decisions.delete(oldest.value);
  }

  find(id: string): RequestEntry | null {
    return this.decisions.get(id) ?? null;
  }

  /** Newest first. */
  list(count: number): RequestEntry[] {
    return [...this.decisions.values()].slice(-count).toReversed();
  }
}
