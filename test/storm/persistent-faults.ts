import type { Fault } from './fault-mix.js';
import type { Remedy } from './outage.js';

/** A fault that upstream goes on telling until its time is over. */
export interface StandingFault {
  readonly account: string;
  /** The one model that it is about; null for all. */
  readonly model: string | null;
  readonly fault: Fault;
  readonly since: number;
  /** What the operator has to do before it is over; null when it ends by its own time. */
  readonly remedy: Remedy | null;
  /** Epoch ms. */
  readonly until: number;
}

/** What upstream itself has against its accounts at the moment. */
export class StandingFaults {
  #all: readonly StandingFault[] = [];

  add(fault: StandingFault): void {
    this.#all = [...this.#all, fault];
  }

  /** Nothing is held against the account any more that this remedy is for. */
  relents(account: string, remedy: Remedy): void {
    this.#all = this.#all.filter((it) => it.account !== account || it.remedy !== remedy);
  }

  /** What an attempt on the account meets now, or null. */
  of(account: string, model: string, now: number): StandingFault | null {
    this.#all = this.#all.filter((it) => it.until > now);
    const meets = (it: StandingFault): boolean => it.model === null || it.model === model;
    return this.#all.find((it) => it.account === account && meets(it)) ?? null;
  }
}
