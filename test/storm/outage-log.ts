import type { Attempt, Word } from './storm-turn.js';
import { type Remedy, Spell, type SpellFacts, type SpellKind } from './outage.js';

/** Longer than any request takes that may ask what was. */
const KEPT_MS = 60_000;
/** The clocks of two processes are one, but each of them rounds. */
const ROUNDING_MS = 5;

/** How many are told in the account of a fault. */
const TOLD = 12;

/** What each remedy ends for sure, and what it may end besides. */
const ends: Record<Remedy, { readonly surely: readonly SpellKind[]; readonly maybe: readonly SpellKind[] }> =
  {
    reset: { surely: ['quota', 'rate-limited', 'refused', 'model', 'deactivated'], maybe: [] },
    // A poll so soon after the one before need not end a refusal.
    poll: { surely: ['deactivated'], maybe: ['quota', 'rate-limited', 'refused'] },
    'new file': { surely: ['login', 'deactivated'], maybe: ['quota', 'rate-limited', 'refused'] },
    resume: { surely: ['paused'], maybe: [] },
  };

/** Every time in which an account was out by the table, as far as it matters still. */
export class Spells {
  readonly counts = new Map<SpellKind, number>();
  /** What the remedies do that are asked for and not granted yet. */
  readonly #underWay = new Set<(spell: Spell) => void>();
  #all: Spell[] = [];

  add(facts: SpellFacts, word: Word): void {
    const spell = new Spell(facts, word);
    this.#all = this.#all.filter((it) => it.endsBy > word.toldAt - KEPT_MS);
    for (const other of this.#of(spell.account)) {
      if (!spell.isRefusal || !other.isRefusal) continue;
      // The newest refusal is the one that counts; which was the newest is not known while both are on their way.
      if (other.kind !== 'quota') other.mayEnd(spell.endsFrom);
      if (spell.kind !== 'quota' && other.word.knownAt > word.toldAt) spell.mayEnd(other.endsFrom);
    }
    for (const mayEnd of this.#underWay) mayEnd(spell);
    this.#all.push(spell);
    this.counts.set(spell.kind, (this.counts.get(spell.kind) ?? 0) + 1);
  }

  /** No spell can hold at any moment between. */
  isSurelyIn(account: string, model: string, from: number, to: number): boolean {
    return !this.#all.some((it) => it.isAbout(account, model) && it.mayHold(from - ROUNDING_MS, to));
  }

  /** A spell that holds all the time between, or null. */
  surelyOut(account: string, model: string, from: number, to: number): Spell | null {
    return (
      this.#all.find((it) => it.isAbout(account, model) && it.surelyHolds(from, to + ROUNDING_MS)) ?? null
    );
  }

  /** What is to be done now about accounts, each thing once. */
  due(now: number): readonly { readonly account: string; readonly remedy: Remedy }[] {
    const found = new Map<string, { account: string; remedy: Remedy }>();
    for (const { account, end, word, endsBy } of this.#all) {
      if (!('remedy' in end) || end.dueAt > now || word.knownAt > now || endsBy !== Infinity) continue;
      found.set(`${account} ${end.remedy}`, { account, remedy: end.remedy });
    }
    return [...found.values()];
  }

  /** A remedy is asked for at `from`; the function that is returned tells by when it had been granted. */
  remedying(account: string, remedy: Remedy, from: number): (by: number) => void {
    const { surely, maybe } = ends[remedy];
    const mayEnd = (it: Spell): void => {
      if (it.account === account && (surely.includes(it.kind) || maybe.includes(it.kind))) it.mayEnd(from);
    };
    for (const it of this.#all) mayEnd(it);
    this.#underWay.add(mayEnd);
    return (by) => {
      this.#underWay.delete(mayEnd);
      for (const it of this.#of(account)) {
        if (surely.includes(it.kind) && it.word.knownAt < from) it.mustEnd(from, by);
      }
    };
  }

  /** The account serves: newer evidence than any refusal. */
  served(account: string, at: number): void {
    for (const it of this.#of(account)) if (it.isRefusal) it.mayEnd(at);
  }

  /** Its tokens are renewed, which may be taken for more than it is. */
  renews(attempt: Attempt): void {
    for (const it of this.#of(attempt.account)) {
      if (it.kind === 'refused' || it.kind === 'deactivated') it.mayEnd(attempt.toldAt);
    }
  }

  /** The program was killed at `from`, and knows at `by` what it will ever know again. */
  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    for (const it of this.#all) it.restarted(from, by, isOnDisk);
  }

  /** For the account of a fault: what may have held in the last seconds. */
  told(accounts: ReadonlySet<string | null>, now: number): string[] {
    const span = (from: number, by: number): string => `${from - now} to ${by - now} ms`;
    return this.#all
      .filter((it) => accounts.has(it.account) && it.mayHold(now - 3_000, now))
      .slice(-TOLD)
      .map(
        (it) =>
          `${name(it)}, begins ${span(it.word.toldAt, it.word.knownAt)}, ends ${span(it.endsFrom, it.endsBy)}`,
      );
  }

  #of(account: string): Spell[] {
    return this.#all.filter((it) => it.account === account);
  }
}

const name = ({ account, model, kind }: Spell): string =>
  `${account}${model === null ? '' : ` for ${model}`}: ${kind}`;
