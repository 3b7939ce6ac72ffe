import { randomUUID } from 'node:crypto';
import type { Account } from '../../accounts/account.js';
import { Lease } from '../../accounts/lease.js';
import type { RequestLog } from '../../observability/request-log.js';
import type { Clock } from '../../runtime/clock.js';
import { RequestRecord } from '../failover/request-record.js';
import { type TurnStart, turnStartIn } from '../request/message.js';

/** The data a turn starts with. */
interface Begun {
  readonly sessionKey: string | null;
  readonly account: Account;
  readonly message: Buffer;
  readonly clock: Clock;
}

/** One turn on a WebSocket: from the client's `response.create` to the message that ends it. */
export class SocketTurn implements Disposable {
  readonly start: TurnStart;
  readonly sessionKey: string | null;
  readonly record: RequestRecord;
  /** Ids of the accounts that have refused it. */
  readonly tried = new Set<string>();
  attempts = 1;
  /** Messages held back from the client; null once output was sent. */
  held: Buffer[] | null = [];
  heldBytes = 0;
  hasStripped = false;
  bytes = 0;
  /** Epoch ms and `performance.now()` of the last send to upstream. */
  startedAt: number;
  sentAt = performance.now();
  #lease: Lease;

  /** The client's message, unchanged. */
  message: Buffer;
  readonly #clock: Clock;

  constructor(
    { sessionKey, account, message, clock }: Begun,
    log: RequestLog,
    private readonly place: Disposable,
  ) {
    this.message = message;
    this.sessionKey = sessionKey;
    this.#clock = clock;
    this.startedAt = clock.now();
    this.start = turnStartIn(message);
    this.#lease = new Lease(account);
    const now = { receivedAt: Date.now(), completeAt: this.sentAt };
    const isReplayable = this.start.isWhole;
    const asked = { id: randomUUID(), method: 'WEBSOCKET', sessionKey, isReplayable, ...now };
    this.record = new RequestRecord(asked, 'websocket', log);
  }

  get account(): Account {
    return this.#lease.account;
  }

  /** Assigns the turn to another account. */
  moveTo(account: Account): void {
    this.#lease[Symbol.dispose]();
    this.#lease = new Lease(account);
  }

  sentAgain(): void {
    this.held = [];
    this.heldBytes = 0;
    this.startedAt = this.#clock.now();
    this.sentAt = performance.now();
  }

  [Symbol.dispose](): void {
    this.#lease[Symbol.dispose]();
    this.place[Symbol.dispose]();
  }
}
