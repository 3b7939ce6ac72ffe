import { randomUUID } from 'node:crypto';
import type { Account } from '../../accounts/account.js';
import { Lease } from '../../accounts/lease.js';
import type { DecisionLog } from '../../accounts/decision-log.js';
import { DecisionRecord } from '../decision-record.js';
import { type TurnWish, turnWish } from './frame.js';

/** One turn on a WebSocket: a `response.create` of the client, up to the frame that ends it. */
export class SocketTurn implements Disposable {
  readonly wish: TurnWish;
  readonly decision: DecisionRecord;
  /** Identities of the accounts that have refused it. */
  readonly tried = new Set<string>();
  attempts = 1;
  /** Frames that the client has not got yet; null once it has got some of its output. */
  held: Buffer[] | null = [];
  heldBytes = 0;
  hasStripped = false;
  bytes = 0;
  /** Epoch ms, and `performance.now()`, of the last sending to upstream. */
  startedAt = Date.now();
  sentAt = performance.now();
  #lease: Lease;

  constructor(
    sessionKey: string | null,
    account: Account,
    /** What upstream is asked, as the client has sent it. */
    public message: Buffer,
    log: DecisionLog,
    private readonly place: Disposable,
  ) {
    this.wish = turnWish(message);
    this.#lease = new Lease(account);
    const now = { receivedAt: this.startedAt, completeAt: this.sentAt };
    const isReplayable = this.wish.isWhole;
    const asked = { id: randomUUID(), method: 'WEBSOCKET', sessionKey, isReplayable, ...now };
    this.decision = new DecisionRecord(asked, 'websocket', log);
  }

  get account(): Account {
    return this.#lease.account;
  }

  /** From now on another account's. */
  moveTo(account: Account): void {
    this.#lease[Symbol.dispose]();
    this.#lease = new Lease(account);
  }

  sentAgain(): void {
    this.held = [];
    this.heldBytes = 0;
    this.startedAt = Date.now();
    this.sentAt = performance.now();
  }

  [Symbol.dispose](): void {
    this.#lease[Symbol.dispose]();
    this.place[Symbol.dispose]();
  }
}
