import type { Account } from '../../accounts/account.js';
import type { TokenCount } from '../../usage/sums/token-columns.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { Attempted } from '../upstream/attempted.js';
import type { EventFailure } from '../outcome/event-failure.js';
import type { LocalResponse } from './local-response.js';
import type { RelayEnd } from './relay.js';

/** How the relay of a turn ended. */
export interface Relayed {
  readonly end: RelayEnd;
  /** Null if the response reported none. */
  readonly tokens: TokenCount | null;
  readonly bytes: number;
  /** The failure that the response reported; null if none. */
  readonly failure: EventFailure | null;
}

/** The way to the client that made a request: an HTTP response, or messages on a WebSocket. */
export interface ClientChannel {
  /**
   * Commits the attempt and relays its response; nothing is retried from here on. Resolves when the response has ended.
   * Null, and nothing is sent, if the attempt has no response. `onResponseId` is called once the response names itself.
   */
  relay(
    request: ProxyRequest,
    account: Account,
    attempted: Attempted,
    onResponseId: (id: string) => void,
  ): Promise<Relayed | null>;
  /** Sends a response that the proxy makes itself. */
  sendLocal(response: LocalResponse): void;
  /**
   * Closes the client's connection so that it opens another one and sends everything again. Null if the client would
   * not do that.
   */
  readonly reconnect: ((reason: string) => void) | null;
}
