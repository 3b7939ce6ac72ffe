import type { Fault } from './fault-mix.js';
import type { Remedy } from './outage.js';

/** A fault that upstream repeats on every attempt until it is over. */
export interface PersistentFault {
  readonly account: string;
  /** The only models affected; null for all. */
  readonly models: readonly string[] | null;
  readonly fault: Fault;
  readonly since: number;
  /** The operator's action that ends the fault; null if it ends by itself. */
  readonly remedy: Remedy | null;
  /** Epoch ms. */
  readonly until: number;
}

/** The persistent faults of all accounts. */
export class PersistentFaults {
  #all: readonly PersistentFault[] = [];

  add(fault: PersistentFault): void {
    this.#all = [...this.#all, fault];
  }

  /** Ends the faults of an account that have this remedy. */
  clear(account: string, remedy: Remedy): void {
    this.#all = this.#all.filter((it) => it.account !== account || it.remedy !== remedy);
  }

  /** The fault that an attempt on the account meets now, or null. */
  of(account: string, model: string, now: number): PersistentFault | null {
    this.#all = this.#all.filter((it) => it.until > now);
    const affects = (it: PersistentFault): boolean => it.models === null || it.models.includes(model);
    return this.#all.find((it) => it.account === account && affects(it)) ?? null;
  }
}
