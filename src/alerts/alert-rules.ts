import { limits } from '../config/limits.js';
import type { AlertFacts } from '../wording/alert-words.js';

/** The facts that alerts depend on, at one moment. Times are epoch ms. */
export interface PoolCondition {
  /** The accounts that have a usable file. */
  readonly accounts: readonly {
    readonly id: string;
    /** For people. */
    readonly name: string;
    readonly needsLogin: boolean;
    readonly isDeactivated: boolean;
  }[];
  readonly ready: number;
  /** Whether no account can serve, not even after a turn of it has ended. */
  readonly isOut: boolean;
  /** When the first account is back; null if unknown. */
  readonly backAt: number | null;
  readonly windows: readonly {
    readonly durationSeconds: number;
    readonly leftRatio: number;
    readonly resetsAt: number | null;
  }[];
}

/** A fact that is true or not, and is worth an alert when it becomes true. */
interface Watched {
  /** Identifies it, for example `pool-out`. */
  readonly key: string;
  readonly isTrue: boolean;
  /** Whether it is so far from true that the next time counts as a new one. */
  readonly isOver: boolean;
  readonly facts: AlertFacts;
}

/**
 * Turns conditions into alerts, one for each transition. The first condition is the baseline: it causes none. The same
 * alert comes at most once in `alertPauseMs`; if the fact still holds at the end of that time, the alert comes then.
 */
export class AlertRules {
  /** The facts that hold and are known to the receiver. */
  private known: ReadonlySet<string> | null = null;
  /** When an alert last came, by key; only those of the last `alertPauseMs`. */
  private readonly sentAt = new Map<string, number>();
  private outSince: number | null = null;
  /** Whether the receiver has been told that the pool is out, and not since that it is back. */
  private isOutReported = false;

  /** `belowRatio`: the share left of a window that is low. */
  constructor(private readonly belowRatio: number) {}

  /** Returns the alerts that a condition causes. */
  after(condition: PoolCondition, now: number): AlertFacts[] {
    this.forgetOld(now);
    const watched = this.watch(condition, now);
    const { known } = this;
    if (known === null) {
      this.known = new Set(watched.filter((it) => it.isTrue).map((it) => it.key));
      return [];
    }
    const next = new Set<string>();
    const alerts: AlertFacts[] = [];
    for (const { key, isTrue, isOver, facts } of watched) {
      if (known.has(key)) {
        if (!isOver) next.add(key);
      } else if (isTrue && !this.sentAt.has(key)) {
        next.add(key);
        this.sentAt.set(key, now);
        alerts.push(facts);
        if (facts.event === 'pool-out') this.isOutReported = true;
        if (facts.event === 'pool-back') this.isOutReported = false;
      }
    }
    this.known = next;
    return alerts;
  }

  private watch(condition: PoolCondition, now: number): Watched[] {
    const { accounts, windows } = condition;
    return [
      ...accounts.flatMap(({ id, name, needsLogin, isDeactivated }) => [
        watchedFact(`login ${id}`, needsLogin, { event: 'account-needs-login', account: name }),
        watchedFact(`deactivated ${id}`, isDeactivated, { event: 'account-deactivated', account: name }),
      ]),
      ...this.watchPool(condition, now),
      ...windows.map(({ durationSeconds, leftRatio, resetsAt }) => ({
        key: `quota ${durationSeconds}`,
        isTrue: leftRatio < this.belowRatio,
        isOver: leftRatio >= this.belowRatio + limits.alertQuotaMargin,
        facts: { event: 'quota-low' as const, durationSeconds, leftRatio, resetsAt },
      })),
    ];
  }

  /** The pool is back only after it was reported to be out. */
  private watchPool({ isOut, backAt, ready, accounts }: PoolCondition, now: number): Watched[] {
    this.outSince = isOut ? (this.outSince ?? now) : null;
    const isShort = backAt !== null && backAt - now <= limits.shortWaitMs;
    const hasLasted = this.outSince !== null && now - this.outSince >= limits.shortWaitMs;
    const isBackDue = this.isOutReported && !isOut;
    return [
      {
        key: 'pool-out',
        isTrue: isOut && (!isShort || hasLasted),
        isOver: !isOut && !(isBackDue && this.sentAt.has('pool-back')),
        facts: { event: 'pool-out', backAt },
      },
      watchedFact('pool-back', isBackDue, { event: 'pool-back', ready, accounts: accounts.length }),
    ];
  }

  /** A time that is ahead of the clock is old, too: the clock was set back. */
  private forgetOld(now: number): void {
    for (const [key, at] of this.sentAt) {
      if (at > now || now - at >= limits.alertPauseMs) this.sentAt.delete(key);
    }
    for (const key of this.sentAt.keys()) {
      if (this.sentAt.size <= limits.alertsRemembered) return;
      this.sentAt.delete(key);
    }
  }
}

function watchedFact(key: string, isTrue: boolean, facts: AlertFacts): Watched {
  return { key, isTrue, isOver: !isTrue, facts };
}
