import type { Account } from '../../accounts/account.js';

/** A client's WebSocket that is open, with its socket at upstream. */
export interface OpenSocket {
  /** Whether a turn runs on it. */
  readonly isBusy: boolean;
  /** Whether its upstream socket belongs to this account. */
  isOf(account: Account): boolean;
  /** Closes it, and asks the client to reconnect. */
  restart(reason: string): void;
}
