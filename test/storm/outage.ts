import type { Word } from './storm-turn.js';

/** What the operator does to end a spell that would last too long for a storm. */
export type Remedy = 'reset' | 'poll' | 'new file' | 'resume';

/** What kind of evidence it rests on; of those in `refusals` the newest takes the place of the one before. */
export type SpellKind = Refusal | 'model' | 'login' | 'deactivated' | 'unreachable' | 'paused';
type Refusal = 'quota' | 'rate-limited' | 'refused';
const refusals: ReadonlySet<SpellKind> = new Set<Refusal>(['quota', 'rate-limited', 'refused']);

/** Until when: a time, a while after the program has learned of it, or until somebody does something. */
export type SpellEnd =
  | { readonly at: number }
  | { readonly leastMs: number; readonly mostMs: number }
  | { readonly remedy: Remedy; readonly dueAt: number };

export interface SpellFacts {
  readonly kind: SpellKind;
  readonly account: string;
  /** The one model that it is about; null for all. */
  readonly model: string | null;
  readonly end: SpellEnd;
  /** False: the account may be out by the table, or not; nothing depends on it. */
  readonly isSure: boolean;
}

/**
 * A time in which an account is out by the table. When it begins and ends in the program is known only to within the
 * time that its messages take, so each edge is a span: within it the account counts neither as in nor as out.
 */
export class Spell {
  readonly kind: SpellKind;
  readonly account: string;
  readonly model: string | null;
  readonly end: SpellEnd;
  readonly #isSure: boolean;
  #endsFrom = Infinity;
  #endsBy = Infinity;

  constructor(
    facts: SpellFacts,
    readonly word: Word,
  ) {
    this.kind = facts.kind;
    this.account = facts.account;
    this.model = facts.model;
    this.end = facts.end;
    this.#isSure = facts.isSure;
  }

  get isRefusal(): boolean {
    return refusals.has(this.kind);
  }

  /** The first moment at which it may be over. */
  get endsFrom(): number {
    const { end, word } = this;
    if ('at' in end) return Math.min(end.at, this.#endsFrom);
    return 'leastMs' in end ? Math.min(word.toldAt + end.leastMs, this.#endsFrom) : this.#endsFrom;
  }

  /** From here on it must be over. */
  get endsBy(): number {
    const { end, word } = this;
    if ('at' in end) return Math.min(end.at, this.#endsBy);
    return 'leastMs' in end ? Math.min(word.knownAt + end.mostMs, this.#endsBy) : this.#endsBy;
  }

  isAbout(account: string, model: string): boolean {
    return this.account === account && (this.model === null || this.model === model);
  }

  mayHold(from: number, to: number): boolean {
    return this.word.toldAt <= to && this.endsBy >= from;
  }

  surelyHolds(from: number, to: number): boolean {
    return this.#isSure && this.word.knownAt <= from && this.endsFrom > to;
  }

  /** Something came that may end it. */
  mayEnd(from: number): void {
    this.#endsFrom = Math.min(this.#endsFrom, from);
  }

  /** Something came that must have ended it by the time given. */
  mustEnd(from: number, by: number): void {
    this.mayEnd(from);
    this.#endsBy = Math.min(this.#endsBy, by);
  }

  /**
   * The program was killed at `from`, and knows at `by` what it will ever know again: a usage limit that was on disk.
   * Of the rest it may know, or not, that it began, and what had just ended it may be forgotten, so that it goes on.
   */
  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    const isKept = this.kind === 'quota' && isOnDisk(this.word.knownAt);
    if (!isKept) this.mayEnd(from);
    if (!isOnDisk(this.#endsBy)) this.#endsBy = Infinity;
    if (this.word.knownAt > from) this.word.knownAt = by;
  }
}
