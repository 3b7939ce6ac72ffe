import { limits } from '../../config/limits.js';
import { addUsage, noUsage, type UsageSums } from './rollup-sums.js';

/** The counts of a day that no record holds. */
export interface TurnCounts {
  /** Turns for which more than one account was tried. */
  failovers: number;
  /** Turns whose client got an error, or a response that broke off. */
  failed: number;
}

interface Day {
  /** Epoch ms; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  readonly total: UsageSums & TurnCounts;
  readonly byAccount: Map<string, UsageSums>;
}

/**
 * Sums of the current local day, in the zone of this machine. A turn counts in the day of its start, so the day before
 * is kept, too; so is today if the clock is ahead for a while.
 */
export class DaySums {
  /** The last used first. */
  private days: readonly Day[] = [];

  /** Adds a turn of an account. `at`: when it began, epoch ms. */
  add(at: number, accountId: string, more: Readonly<UsageSums>): void {
    const { total, byAccount } = this.dayOf(at);
    addUsage(total, more);
    const sums = byAccount.get(accountId) ?? noUsage();
    addUsage(sums, more);
    if (byAccount.size < limits.accountsWithTotals || byAccount.has(accountId))
      byAccount.set(accountId, sums);
  }

  /** Counts the end of a turn that began at a time, epoch ms. */
  count(at: number, { failovers, failed }: Readonly<TurnCounts>): void {
    const { total } = this.dayOf(at);
    total.failovers += failovers;
    total.failed += failed;
  }

  /** Returns the sums of one account on the day of a time. */
  ofAccount(at: number, accountId: string): Readonly<UsageSums> {
    return this.find(at)?.byAccount.get(accountId) ?? noUsage();
  }

  /** Returns the sums of all accounts on the day of a time, also of those that have left the pool. */
  ofAll(at: number): Readonly<UsageSums & TurnCounts> {
    return this.find(at)?.total ?? noDay();
  }

  private find(at: number): Day | undefined {
    return this.days.find((it) => it.start <= at && at < it.end);
  }

  private dayOf(at: number): Day {
    const found = this.find(at);
    if (found !== undefined && found === this.days[0]) return found; // the usual case
    const day = found ?? { ...localDay(at), total: noDay(), byAccount: new Map<string, UsageSums>() };
    this.days = [day, ...this.days.filter((it) => it !== day)].slice(0, limits.daysWithSums);
    return day;
  }
}

/** Returns when the local day of a time begins and ends, epoch ms. */
export function localDay(at: number): Pick<Day, 'start' | 'end'> {
  const start = new Date(at).setHours(0, 0, 0, 0);
  const end = new Date(start);
  end.setDate(end.getDate() + 1);
  return { start, end: end.setHours(0, 0, 0, 0) };
}

function noDay(): UsageSums & TurnCounts {
  return { ...noUsage(), failovers: 0, failed: 0 };
}
