import { Outage, type OutageFacts, type OutageKind, type Remedy } from './outage.js';
import type { Attempt, Notice } from './storm-turn.js';

/** Time that an ended outage is kept: longer than any request takes, because its check may need the outage. */
const KEPT_MS = 60_000;
/** Both processes read the same clock, but each rounds. */
const ROUNDING_MS = 5;

/** Outages in the details of a breach, at most. */
const DESCRIBED = 24;

/** The outages that each remedy certainly ends, and those that it may end. */
const ended: Record<
  Remedy,
  { readonly surely: readonly OutageKind[]; readonly maybe: readonly OutageKind[] }
> = {
  reset: { surely: ['quota', 'meter', 'rate-limited', 'refused', 'model', 'deactivated'], maybe: [] },
  // A poll soon after the previous one need not end a refusal.
  poll: { surely: ['deactivated'], maybe: ['quota', 'meter', 'rate-limited', 'refused'] },
  'new file': { surely: ['login', 'deactivated'], maybe: ['quota', 'meter', 'rate-limited', 'refused'] },
  resume: { surely: ['paused'], maybe: [] },
};

/** All outages of all accounts, as long as a check may need them. */
export class OutageLog {
  readonly counts = new Map<OutageKind, number>();
  /** The effects of remedies that are requested and not yet confirmed. */
  readonly #pendingRemedies = new Set<(outage: Outage) => void>();
  #all: Outage[] = [];
  /** False after a kill without a poll: then the program may take the general limit for that of every model. */
  #areMetersKnown = true;

  add(facts: OutageFacts, notice: Notice): void {
    const outage = new Outage(facts, notice);
    this.#all = this.#all.filter((it) => it.endsBy > notice.issuedAt - KEPT_MS);
    for (const other of this.#of(outage.account)) {
      if (!outage.isRefusal || !other.isRefusal) continue;
      // The newest refusal counts. While both are on their way, their order is unknown.
      // An uncertain one may end at any time, with what it has replaced.
      if (!other.isLimit) other.mayEnd(outage.isCertain ? outage.endsFrom : notice.issuedAt);
      if (!outage.isLimit && other.notice.knownAt > notice.issuedAt) outage.mayEnd(other.endsFrom);
    }
    for (const mayEnd of this.#pendingRemedies) mayEnd(outage);
    this.#all.push(outage);
    this.counts.set(outage.kind, (this.counts.get(outage.kind) ?? 0) + 1);
  }

  /** True if no outage can hold at any time in the span. */
  isCertainlyAvailable(account: string, model: string, from: number, to: number): boolean {
    const mayAffect = (it: Outage): boolean =>
      it.affects(account, model) || (!this.#areMetersKnown && it.account === account && it.isLimit);
    return !this.#all.some((it) => mayAffect(it) && it.mayHold(from - ROUNDING_MS, to));
  }

  /** An outage that certainly holds for the whole span, or null. */
  certainOutage(account: string, model: string, from: number, to: number): Outage | null {
    return (
      this.#all.find((it) => it.affects(account, model) && it.certainlyHolds(from, to + ROUNDING_MS)) ?? null
    );
  }

  /** The remedies that are due now, each once per account. */
  due(now: number): readonly { readonly account: string; readonly remedy: Remedy }[] {
    const found = new Map<string, { account: string; remedy: Remedy }>();
    for (const { account, end, notice, endsBy } of this.#all) {
      if (!('remedy' in end) || end.dueAt > now || notice.knownAt > now || endsBy !== Infinity) continue;
      found.set(`${account} ${end.remedy}`, { account, remedy: end.remedy });
    }
    return [...found.values()];
  }

  /** Records that a remedy is requested at `from`. The returned function records the time by which it took effect. */
  remedying(account: string, remedy: Remedy, from: number): (by: number) => void {
    const { surely, maybe } = ended[remedy];
    const mayEnd = (it: Outage): void => {
      if (it.account === account && (surely.includes(it.kind) || maybe.includes(it.kind))) it.mayEnd(from);
    };
    for (const it of this.#all) mayEnd(it);
    this.#pendingRemedies.add(mayEnd);
    return (by) => {
      this.#pendingRemedies.delete(mayEnd);
      for (const it of this.#of(account)) {
        if (surely.includes(it.kind) && it.notice.knownAt < from) it.mustEnd(from, by);
      }
    };
  }

  /** Records a success of the account, which is newer evidence than any refusal. */
  served(account: string, at: number): void {
    for (const it of this.#of(account)) if (it.isRefusal) it.mayEnd(at);
  }

  /** Records that a response of the account has reported room on its meters, which may end limits it met before. */
  reportedQuota(account: string, at: number, meters: readonly OutageKind[]): void {
    for (const it of this.#of(account))
      if (meters.includes(it.kind) && it.notice.issuedAt < at) it.mayEnd(at);
  }

  /** Records that the account's tokens are being renewed, which may also end a refusal or a deactivation. */
  renewing(attempt: Attempt): void {
    for (const it of this.#of(attempt.account)) {
      if (it.kind === 'refused' || it.kind === 'deactivated') it.mayEnd(attempt.issuedAt);
    }
  }

  /** The program was killed at `from`; at `by` it has loaded everything that survived. */
  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    this.#areMetersKnown = false;
    for (const it of this.#all) it.restarted(from, by, isOnDisk);
  }

  /** Describes the outages that may have held in the last seconds. */
  describe(accounts: ReadonlySet<string | null> | 'all', now: number): string[] {
    const span = (from: number, by: number): string => `${from - now} to ${by - now} ms`;
    return this.#all
      .filter((it) => (accounts === 'all' || accounts.has(it.account)) && it.mayHold(now - 3_000, now))
      .slice(-DESCRIBED)
      .map(
        (it) =>
          `${name(it)}, begins ${span(it.notice.issuedAt, it.notice.knownAt)}, ends ${span(it.endsFrom, it.endsBy)}`,
      );
  }

  #of(account: string): Outage[] {
    return this.#all.filter((it) => it.account === account);
  }
}

const name = ({ account, models, kind }: Outage): string =>
  `${account}${models === null ? '' : ` for ${models.join(', ')}`}: ${kind}`;
