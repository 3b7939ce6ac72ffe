import type { Account } from './account.js';

/** A claim on one in-flight slot of an account. A second release does nothing. */
export class Lease implements Disposable {
  #isHeld = true;

  constructor(readonly account: Account) {
    account.inFlight += 1;
  }

  /** Transfers the slot to a new lease and ends this one. @throws if this lease has already ended */
  handOver(): Lease {
    if (!this.#isHeld) throw new Error('a released lease cannot be handed over');
    this.#isHeld = false;
    this.account.inFlight -= 1; // the new lease counts itself; no other code runs in between
    return new Lease(this.account);
  }

  [Symbol.dispose](): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.account.inFlight -= 1;
    if (this.account.inFlight === 0) this.account.becameIdle();
    this.account.waiters.wakeAll();
  }
}
