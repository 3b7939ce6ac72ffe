import type { Notice } from './storm-turn.js';

/** The operator's action that ends an outage that would outlast the storm. */
export type Remedy = 'reset' | 'poll' | 'new file' | 'resume';

/** The kind of evidence that causes an outage. Among `refusals`, the newest replaces the one before. */
export type OutageKind = Refusal | 'model' | 'login' | 'deactivated' | 'unreachable' | 'paused';
/** `quota` is the general limit, `meter` that of another meter. */
type Refusal = 'quota' | 'meter' | 'rate-limited' | 'refused';
const refusals: ReadonlySet<OutageKind> = new Set<Refusal>(['quota', 'meter', 'rate-limited', 'refused']);

/** The end of an outage: a time, a duration from when the program learns of it, or an action of the operator. */
export type OutageEnd =
  | { readonly at: number }
  | { readonly leastMs: number; readonly mostMs: number }
  | { readonly remedy: Remedy; readonly dueAt: number };

export interface OutageFacts {
  readonly kind: OutageKind;
  readonly account: string;
  /** The only models affected; null for all. */
  readonly models: readonly string[] | null;
  readonly end: OutageEnd;
  /** False if the failover table leaves open whether the account is unavailable; no check relies on it then. */
  readonly isCertain: boolean;
}

/**
 * A period in which the failover table makes an account unavailable. The program notices its beginning and its end only
 * after messages have travelled, so each edge is a span. Within a span the account counts neither as available nor as
 * unavailable.
 */
export class Outage {
  readonly kind: OutageKind;
  readonly account: string;
  readonly models: readonly string[] | null;
  readonly end: OutageEnd;
  readonly isCertain: boolean;
  #endsFrom = Infinity;
  #endsBy = Infinity;

  constructor(
    facts: OutageFacts,
    readonly notice: Notice,
  ) {
    this.kind = facts.kind;
    this.account = facts.account;
    this.models = facts.models;
    this.end = facts.end;
    this.isCertain = facts.isCertain;
  }

  /** Whether it is a limit, which a later refusal of another kind does not replace. */
  get isLimit(): boolean {
    return this.kind === 'quota' || this.kind === 'meter';
  }

  get isRefusal(): boolean {
    return refusals.has(this.kind);
  }

  /** The earliest time at which it may be over. */
  get endsFrom(): number {
    const { end, notice } = this;
    if ('at' in end) return Math.min(end.at, this.#endsFrom);
    return 'leastMs' in end ? Math.min(notice.issuedAt + end.leastMs, this.#endsFrom) : this.#endsFrom;
  }

  /** The time by which it must be over. */
  get endsBy(): number {
    const { end, notice } = this;
    if ('at' in end) return Math.min(end.at, this.#endsBy);
    return 'leastMs' in end ? Math.min(notice.knownAt + end.mostMs, this.#endsBy) : this.#endsBy;
  }

  affects(account: string, model: string): boolean {
    return this.account === account && (this.models === null || this.models.includes(model));
  }

  mayHold(from: number, to: number): boolean {
    return this.notice.issuedAt <= to && this.endsBy >= from;
  }

  certainlyHolds(from: number, to: number): boolean {
    return this.isCertain && this.notice.knownAt <= from && this.endsFrom > to;
  }

  /** Records an event at `from` that may end it. */
  mayEnd(from: number): void {
    this.#endsFrom = Math.min(this.#endsFrom, from);
  }

  /** Records an event at `from` that must have ended it at `by`. */
  mustEnd(from: number, by: number): void {
    this.mayEnd(from);
    this.#endsBy = Math.min(this.#endsBy, by);
  }

  /**
   * The program was killed at `from`; at `by` it has loaded everything that survived. Only a usage limit that was on
   * disk certainly survives. The start of any other outage may be lost. If the end was not on disk, it may be lost,
   * too, and the outage goes on.
   */
  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    const isKept = this.isLimit && isOnDisk(this.notice.knownAt);
    if (!isKept) this.mayEnd(from);
    if (!isOnDisk(this.#endsBy)) this.#endsBy = Infinity;
    if (this.notice.knownAt > from) this.notice.knownAt = by;
  }
}
