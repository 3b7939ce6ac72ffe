import type { Account } from './account.js';

/** A claim on one in-flight slot of an account. Giving it back twice does nothing. */
export class Lease implements Disposable {
  #isHeld = true;

  constructor(readonly account: Account) {
    account.inFlight += 1;
  }

  [Symbol.dispose](): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.account.inFlight -= 1;
    if (this.account.inFlight === 0) this.account.becameIdle();
    this.account.waiters.callAll();
  }
}
