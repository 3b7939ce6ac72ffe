import type { WebSocket } from 'ws';
import type { Account } from '../../accounts/account.js';
import { limits } from '../../config/limits.js';
import type { SessionSocket } from '../failover/failover-context.js';
import { messageType } from '../request/message.js';
import { INTERNAL_ERROR, sendable, SERVICE_RESTART } from '../socket/close-code.js';
import { guard } from '../socket/guard.js';
import { closeSocket, relayMessage } from '../socket/message-relay.js';
import type { TickCork } from '../socket/tick-cork.js';
import type { SocketEnd, SocketReader, UpstreamSocket } from '../socket/upstream-socket.js';
import type { ClientMessages } from './client-messages.js';
import { IdleTimer } from './idle-timer.js';
import { MessageQueue } from './message-queue.js';
import type { OpenSocket } from './open-socket.js';
import type { SessionEnd, TurnSession } from './turn-channel.js';

/** The services that a session uses. */
export interface SessionParts {
  readonly messages: ClientMessages;
  /** The session that the handshake named; null if it named none. */
  readonly sessionKey: string | null;
  /** Serves the turn in a message. Resolves when it has ended. */
  readonly serve: (
    message: Buffer,
    session: TurnSession,
    socket: SessionSocket,
    gone: AbortSignal,
  ) => Promise<void>;
  readonly isDraining: () => boolean;
  /** Reports an internal fault that ended the session. */
  readonly failed: (error: unknown) => void;
}

/** The turn that runs on a session. */
interface RunningTurn {
  /** The socket that its message was last sent on; null before that. */
  carrier: UpstreamSocket | null;
  readonly ended: Promise<void>;
}

const STOPPING = 'codex-pool is stopping';

/**
 * Couples one client's WebSocket with an upstream one: message by message, in both directions, each at its own pace.
 * One turn runs at a time, and may replace the upstream socket by another one.
 */
export class SocketSession implements TurnSession, OpenSocket {
  readonly #gone = new AbortController();
  readonly #guarded = guard((error) => this.#fail(error));
  readonly #idle: IdleTimer;
  #current: UpstreamSocket;
  #turn: RunningTurn | null = null;
  #isOver = false;

  constructor(
    private readonly client: WebSocket,
    /** Of the client's connection. */
    private readonly cork: TickCork,
    upstream: UpstreamSocket,
    private readonly parts: SessionParts,
    private readonly onEnd: () => void,
  ) {
    this.#idle = new IdleTimer(
      () => this.isBusy,
      this.#guarded(() => this.#restart('idle', 'cut')),
    );
    const messages = new MessageQueue(
      client,
      () => this.#current.ws.bufferedAmount < limits.socketBacklogBytes,
      async (message, isBinary) => await this.#fromClient(message, isBinary),
      (error) => this.#fail(error),
    );
    client.on(
      'message',
      this.#guarded((message: Buffer, isBinary: boolean) => messages.add(message, isBinary)),
    );
    // The client broke the protocol. The library has sent it the close frame.
    client.on(
      'error',
      this.#guarded(() => this.#restart('', 'client-gone')),
    );
    client.once(
      'close',
      this.#guarded((code: number, reason: Buffer) =>
        this.#end('client-gone', () => this.#current.close(sendable(code), reason)),
      ),
    );
    this.#current = upstream;
    upstream.own();
    upstream.read(this.#betweenTurns);
  }

  get isBusy(): boolean {
    return this.#turn !== null;
  }

  isOf(account: Account): boolean {
    return this.#current.account === account;
  }

  restart(reason: string): void {
    this.#restart(reason, 'client-gone');
  }

  adopt(upstream: UpstreamSocket): void {
    if (upstream === this.#current) return;
    const before = this.#current;
    this.#current = upstream;
    upstream.own();
    before.close(1000, '');
    if (this.#isOver) upstream.close(1001, '');
  }

  /** Never compressed: the loopback connection is fast, and compression costs time. */
  toClient(message: Buffer, isBinary: boolean): void {
    this.#idle.moved();
    this.cork.hold();
    relayMessage(this.#current.ws, this.client, message, { isBinary, isCompressed: false });
  }

  closed({ code, reason }: SocketEnd): void {
    this.#end('cut', () => closeSocket(this.client, code, reason));
  }

  readonly #betweenTurns: SocketReader = {
    message: (message) => {
      const { messages, sessionKey } = this.parts;
      if (messages.isRejection(message)) {
        messages.rejectedBetweenTurns(this.#current, sessionKey);
        messages.renew(this.#current);
        return this.restart('the token of the account is being renewed');
      }
      this.toClient(messages.forClient(this.#current.account, message, null), message.isBinary);
    },
    closed: (end) => this.closed(end),
    failed: (error) => this.#fail(error),
  };

  /** Closes both sides after an internal fault. */
  #fail(error: unknown): void {
    this.parts.failed(error);
    this.#end('client-gone', () => {
      closeSocket(this.client, INTERNAL_ERROR, 'internal error in codex-pool; see its log');
      this.#current.close(1001, '');
    });
  }

  /** Closes both sides and asks the client to reconnect. */
  #restart(reason: string, end: SessionEnd): void {
    this.#end(end, () => {
      closeSocket(this.client, SERVICE_RESTART, reason);
      this.#current.close(1001, '');
    });
  }

  /** Resolves when the next message may follow: for a turn, once it was sent or has ended. */
  async #fromClient(message: Buffer, isBinary: boolean): Promise<void> {
    if (this.#isOver) return;
    this.#idle.moved();
    if (!isBinary && messageType(message) === 'response.create') {
      await this.#turn?.ended; // upstream also serves the turns of a socket one at a time
      if (!this.#isOver) await this.#begin(message);
      return;
    }
    const carrier = this.#turn?.carrier ?? null;
    if (carrier !== null && !carrier.isOpen) await this.#turn?.ended; // the turn moves to another socket
    const to = this.#turn?.carrier ?? this.#current;
    relayMessage(this.client, to.ws, message, { isBinary, isCompressed: true });
  }

  #begin(message: Buffer): Promise<void> {
    const sent = Promise.withResolvers<void>();
    const current = this.#current.isOpen ? this.#current : null;
    const onSent = (upstream: UpstreamSocket): void => {
      if (this.#turn !== null) this.#turn.carrier = upstream;
      sent.resolve();
    };
    const ended = this.parts
      .serve(message, this, { current, onSent }, this.#gone.signal)
      .catch((error) => this.#fail(error))
      .finally(this.#guarded(() => this.#turnEnded()));
    this.#turn = { carrier: null, ended };
    return Promise.race([sent.promise, ended]);
  }

  #turnEnded(): void {
    this.#turn = null;
    if (this.#isOver) return;
    if (this.parts.isDraining()) return this.restart(STOPPING);
    if (this.#current.account.withdrawal !== null) return this.restart('its account has left the pool');
    this.#current.read(this.#betweenTurns);
  }

  #end(end: SessionEnd, closeOther: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#idle.end();
    this.#gone.abort(end);
    try {
      closeOther();
    } finally {
      this.onEnd();
    }
  }
}
