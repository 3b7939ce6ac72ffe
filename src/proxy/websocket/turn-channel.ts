import type { Account } from '../../accounts/account.js';
import type { Faults } from '../../observability/faults.js';
import { messageType } from '../request/message.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { ClientChannel, Relayed } from '../response/client-channel.js';
import { errorMessage, refusalMessage, withoutSilentWait } from '../response/error-message.js';
import { EventTap } from '../response/event-tap.js';
import type { LocalResponse } from '../response/local-response.js';
import type { RelayEnd } from '../response/relay.js';
import type { SocketEnd, SocketMessage, UpstreamSocket } from '../socket/upstream-socket.js';
import { type Attempted, releaseAttempt, type SocketResponse } from '../upstream/attempted.js';
import { failureInMessage } from '../outcome/event-failure.js';
import { meansNoSockets } from '../upstream/upstream-websocket.js';
import { endEvents, failureEvents } from '../outcome/response-events.js';
import type { ClientMessages } from './client-messages.js';

/** The effects of a turn on its session. */
export interface TurnSession {
  /** Makes the socket that serves the turn the session's own. */
  adopt(upstream: UpstreamSocket): void;
  toClient(message: Buffer, isBinary: boolean): void;
  /** Ends the session as upstream has ended its socket. */
  closed(end: SocketEnd): void;
  /** Asks the client to reconnect. */
  restart(reason: string): void;
}

/** How the client's socket ended, as the reason of the signal that aborts its turns. */
export type SessionEnd = 'cut' | 'client-gone';

/** The way to the client for a turn on a WebSocket. */
export class TurnChannel implements ClientChannel {
  constructor(
    private readonly session: TurnSession,
    private readonly messages: ClientMessages,
    private readonly faults: Faults,
  ) {}

  readonly reconnect = (reason: string): void => this.session.restart(reason);

  sendLocal(response: LocalResponse): void {
    this.session.toClient(errorMessage(response), false);
  }

  async relay(
    request: ProxyRequest,
    account: Account,
    attempted: Attempted,
    onResponseId: (id: string) => void,
  ): Promise<Relayed | null> {
    const { socket, peeked } = attempted;
    request.letGo();
    if (socket !== null) return await this.#relayMessages(request, account, attempted, socket, onResponseId);
    if (peeked === null) return null;
    // The turn needed another socket, and upstream refused to open it.
    const message = refusalMessage(peeked, request.headers);
    releaseAttempt(attempted);
    // The client's next handshake learns that it has to continue over HTTP.
    if (meansNoSockets(peeked.response.statusCode)) this.session.restart('upstream accepts no WebSockets');
    else this.session.toClient(message, false);
    return { end: 'complete', tokens: null, bytes: message.length, failure: null };
  }

  async #relayMessages(
    { id, gone, headers }: ProxyRequest,
    account: Account,
    { startedAt }: Attempted,
    { upstream, held }: SocketResponse,
    onResponseId: (id: string) => void,
  ): Promise<Relayed> {
    const { promise, resolve, reject } = Promise.withResolvers<RelayEnd>();
    const tap = this.#tap(id, onResponseId);
    let bytes = 0;
    let isOver = false;
    const end = (how: RelayEnd): void => {
      isOver = true;
      upstream.read(null); // what follows belongs to the session
      resolve(how);
    };
    const pass = (message: SocketMessage): void => {
      bytes += message.bytes.length;
      const type = tap.observe(message);
      if (this.messages.isRejection(message)) {
        end('complete');
        this.messages.renew(upstream);
        return this.session.restart('the token of the account is being renewed');
      }
      const passed = failureEvents.has(type)
        ? withoutSilentWait(message.bytes, headers)
        : this.messages.forClient(account, message, startedAt);
      this.session.toClient(passed, message.isBinary);
      if (endEvents.has(type)) end('complete');
    };
    const onGone = (): void => resolve(gone.reason === 'cut' ? 'cut' : 'client-gone');
    gone.addEventListener('abort', onGone, { once: true });
    if (gone.aborted) onGone();
    try {
      this.session.adopt(upstream);
      for (const it of held) pass(it);
      if (!isOver && !gone.aborted)
        upstream.read({
          message: pass,
          closed: (it) => {
            resolve('cut');
            this.session.closed(it);
          },
          failed: reject,
        });
      const how = await promise;
      return { end: how, tokens: tap.events.counted, bytes, failure: tap.events.failure };
    } finally {
      gone.removeEventListener('abort', onGone);
    }
  }

  /** A fault of the tap ends the tap, not the turn. */
  #tap(id: string, onResponseId: (id: string) => void) {
    const events = new EventTap(onResponseId, failureInMessage);
    let isWatching = true;
    const observe = ({ bytes, isBinary }: SocketMessage): string => {
      const type = isBinary ? '' : (messageType(bytes) ?? '');
      try {
        if (isWatching && events.wants(type)) events.saw(type, bytes.toString('utf8'));
      } catch (error) {
        isWatching = false;
        this.faults.note('tap', error, { request: id });
      }
      return type;
    };
    return { events, observe };
  }
}
