import type { Account } from './account.js';

/** A claim on one in-flight slot of an account. Giving it back twice does nothing. */
export class Lease implements Disposable {
  #isHeld = true;

  constructor(readonly account: Account) {
    account.inFlight += 1;
  }

  /** Gives the claim to whoever takes the new lease; this one has none any more. */
  handOver(): Lease {
    if (!this.#isHeld) throw new Error('a lease that has ended cannot be handed over');
    this.#isHeld = false;
    this.account.inFlight -= 1; // the new one counts itself: in between nobody looks
    return new Lease(this.account);
  }

  [Symbol.dispose](): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.account.inFlight -= 1;
    if (this.account.inFlight === 0) this.account.becameIdle();
    this.account.waiters.callAll();
  }
}
