import { WebSocket } from 'ws';
import { waitForAny } from '../../accounts/wait-queue.js';
import { limits } from '../../config/limits.js';
import { retryableElsewhere } from '../upstream/outcome.js';
import { INTERNAL_ERROR, sendable, SERVICE_RESTART, TOO_BIG } from '../socket/close-code.js';
import { messageType } from '../request/message.js';
import { endEvents, failureEvents, isOutput } from '../upstream/response-events.js';
import { closeSocket, relayMessage } from '../socket/message-relay.js';
import { MessageQueue } from './message-queue.js';
import { IdleTimer } from './idle-timer.js';
import type { SocketTurn } from './turn.js';
import type { Opened, SessionDependencies } from './session-parts.js';

/**
 * Couples one client's WebSocket with an upstream one: message by message, in both directions, each at its own
 * pace.
 */
export class SocketSession {
  readonly #turns: SocketTurn[] = [];
  /** A turn that is moving to another account; the client's messages wait until it has arrived. */
  #moving: Promise<void> = Promise.resolve();
  #isMoving = false;
  #upstream: Opened;
  readonly #idle: IdleTimer;
  #peekTimer: NodeJS.Timeout | null = null;
  #isOver = false;

  constructor(
    private readonly client: WebSocket,
    opened: Opened,
    private readonly parts: SessionDependencies,
    private readonly onEnd: () => void,
  ) {
    this.#idle = new IdleTimer(
      () => this.isBusy,
      this.#guarded(() => this.restart('idle')),
    );
    const messages = new MessageQueue(
      client,
      () => this.#upstream.socket.bufferedAmount < limits.socketBacklogBytes,
      async (message, isBinary) => await this.#fromClient(message, isBinary),
      (error) => this.#fail(error),
    );
    client.on(
      'message',
      this.#guarded((message: Buffer, isBinary: boolean) => messages.add(message, isBinary)),
    );
    client.on('error', () => undefined); // its close follows
    client.once(
      'close',
      this.#guarded((code: number, reason: Buffer) =>
        this.#end('client-gone', () => this.#leaveUpstream(code, reason)),
      ),
    );
    this.#upstream = opened;
    this.#listen(opened);
  }

  get isBusy(): boolean {
    return this.#turns.length > 0;
  }

  /** Closes both sides and asks the client to reconnect. */
  restart(reason: string): void {
    this.#end('cut', () => {
      closeSocket(this.client, SERVICE_RESTART, reason);
      this.#leaveUpstream(1001, '');
    });
  }

  #listen({ socket }: Opened): void {
    socket.on(
      'message',
      this.#guarded((message: Buffer, isBinary: boolean) => {
        if (socket === this.#upstream.socket) this.#fromUpstream(message, isBinary);
      }),
    );
    let ownCode = INTERNAL_ERROR;
    socket.on('error', (error) => {
      if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') ownCode = TOO_BIG;
    });
    const closed = this.#guarded((code: number, reason: Buffer | string) => {
      if (socket !== this.#upstream.socket || this.#isMoving) return;
      this.#end('cut', () => closeSocket(this.client, sendable(code) ?? ownCode, reason));
    });
    socket.once('close', closed);
    if (socket.readyState === WebSocket.CLOSED) return closed(INTERNAL_ERROR, ''); // before a listener was attached
    socket.resume();
  }

  /** Wraps a socket or timer callback so that it never throws. */
  #guarded<T extends unknown[]>(work: (...args: T) => void): (...args: T) => void {
    return (...args) => {
      try {
        work(...args);
      } catch (error) {
        this.#fail(error);
      }
    };
  }

  /** Closes both sides after an internal fault. */
  #fail(error: unknown): void {
    this.parts.failed(error);
    this.#end('cut', () => {
      closeSocket(this.client, INTERNAL_ERROR, 'internal error in codex-pool; see its log');
      this.#leaveUpstream(1001, '');
    });
  }

  async #fromClient(message: Buffer, isBinary: boolean): Promise<void> {
    await this.#moving;
    if (this.#isOver) return;
    this.#idle.moved();
    if (!isBinary && messageType(message) === 'response.create') return await this.#begin(message);
    this.#toUpstream(message, isBinary);
  }

  async #begin(message: Buffer): Promise<void> {
    const { recorder, request, isDraining, whyUnavailable } = this.parts;
    if (isDraining()) {
      // Running turns may finish; then the client is asked to reconnect, after their last message.
      if (!this.isBusy) this.restart('codex-pool is stopping');
      return;
    }
    if (whyUnavailable(this.#upstream.account, null)?.reason === 'full') {
      await waitForAny([this.#upstream.account.waiters], limits.fullAccountMs, request.gone);
      await this.#moving;
    }
    if (this.#isOver) return;
    const { account } = this.#upstream;
    const turn = recorder.open(request.sessionKey, account, message);
    // Messages of two concurrent turns are indistinguishable: nothing is held then, and no turn moves.
    if (this.#turns.push(turn) > 1) for (const it of this.#turns) this.#commit(it);
    const why = whyUnavailable(account, turn.start.model);
    const isAvoided = recorder.isAvoided(request.sessionKey, account);
    if (isAvoided) turn.tried.add(account.id);
    const isOut = (why !== null && why.reason !== 'full') || (isAvoided && recorder.canAnotherServe(turn));
    if (!isOut || turn.held === null) return this.#send(turn);
    if (recorder.canAnotherServe(turn)) return await this.#move(turn, null);
    this.#respondLocally(turn);
  }

  /**
   * No account is available: responds locally, unless only this model is unavailable; then upstream's refusal
   * stands.
   */
  #respondLocally(turn: SocketTurn): void {
    const why = this.parts.whyUnavailable(turn.account, null);
    const local = why === null || why.reason === 'full' ? null : this.parts.localResponse(turn, null);
    if (local === null) return this.#send(turn);
    this.#passOn(turn, local);
  }

  #send(turn: SocketTurn): void {
    this.#peekTimer = setTimeout(
      this.#guarded(() => this.#commit(turn)),
      limits.peekMs,
    );
    this.#toUpstream(turn.message, false);
  }

  #fromUpstream(message: Buffer, isBinary: boolean): void {
    this.#idle.moved();
    if (this.#isMoving) return; // the rest of the refused turn
    const type = isBinary ? '' : (messageType(message) ?? '');
    const turn = this.#turns[0];
    const passed =
      type === 'codex.rate_limits'
        ? this.parts.recorder.quotaMessage(this.#upstream.account, message, turn?.startedAt ?? null)
        : message;
    if (
      failureEvents.has(type) &&
      turn?.held == null &&
      this.parts.recorder.outcomeOf(message).kind === 'unauthorized'
    )
      return this.#whenRejectedLate();
    if (turn === undefined) return this.#toClient(passed, isBinary);
    turn.bytes += message.length;
    if (turn.held !== null) {
      if (failureEvents.has(type)) return this.#whenRefused(turn, message);
      if (!isOutput(type) && !isBinary) return this.#keep(turn, passed);
      this.#commit(turn);
    }
    this.#toClient(passed, isBinary);
    if (endEvents.has(type)) this.#close(turn, failureEvents.has(type) ? 'failed' : 'complete', message);
  }

  /**
   * The token expired during a turn. A 401 would make the client renew its own login, so it is asked to reconnect.
   */
  #whenRejectedLate(): void {
    this.parts.renew(this.#upstream);
    this.restart('the account renews its token');
  }

  #keep(turn: SocketTurn, message: Buffer): void {
    turn.held?.push(message);
    turn.heldBytes += message.length;
    if (turn.heldBytes >= limits.peekBytes) this.#commit(turn);
  }

  /** Commits the turn: held messages go to the client, and nothing is retried. */
  #commit(turn: SocketTurn): void {
    if (this.#peekTimer !== null) clearTimeout(this.#peekTimer);
    const { held } = turn;
    if (held === null) return;
    turn.held = null;
    this.parts.recorder.served(turn, this.parts.request.sessionKey);
    for (const message of held) this.#toClient(message, false);
  }

  #whenRefused(turn: SocketTurn, message: Buffer): void {
    this.#moving = this.#refused(turn, message).catch((it) => this.#fail(it));
  }

  async #refused(turn: SocketTurn, message: Buffer): Promise<void> {
    if (this.#peekTimer !== null) clearTimeout(this.#peekTimer);
    const outcome = this.parts.recorder.outcomeOf(message);
    this.parts.recorder.refused(turn, outcome);
    if (outcome.kind === 'cross-account-content' && this.#strip(turn)) return this.#send(turn);
    if (!retryableElsewhere.has(outcome.kind)) return this.#passOn(turn, message);
    // A rejected token may be renewed; any other refusal is final for the turn on this account.
    if (outcome.kind !== 'unauthorized') turn.tried.add(turn.account.id);
    if (!this.parts.recorder.canAnotherServe(turn) || turn.attempts >= this.parts.maxAttempts)
      return this.#passOn(turn, this.parts.localResponse(turn, outcome) ?? message);
    if (turn.start.isWhole) return await this.#move(turn, message);
    // Another account lacks the context the message refers to; the client reconnects and sends everything.
    this.#close(turn, 'reconnect', null);
    this.restart('another account serves from here on');
  }

  /** Moves the turn to another account unnoticed; `message` is the refusal to send if no account takes it. */
  async #move(turn: SocketTurn, message: Buffer | null): Promise<void> {
    if (!turn.start.isWhole) {
      this.#close(turn, 'reconnect', null);
      return this.restart('another account serves from here on');
    }
    this.#isMoving = true;
    const opened = await this.parts.openFor(turn);
    this.#isMoving = false;
    if (this.#isOver) {
      opened?.socket.terminate();
      return;
    }
    if (opened === null) {
      if (message === null) this.#respondLocally(turn);
      else
        this.#passOn(turn, this.parts.localResponse(turn, this.parts.recorder.outcomeOf(message)) ?? message);
      if (this.#upstream.socket.readyState !== WebSocket.OPEN) this.restart('upstream has closed');
      return;
    }
    const before = this.#upstream;
    this.#upstream = opened;
    closeSocket(before.socket, 1000, '');
    turn.moveTo(opened.account);
    turn.sentAgain();
    this.#listen(opened);
    this.#send(turn);
  }

  #strip(turn: SocketTurn): boolean {
    if (turn.hasStripped) return false;
    turn.hasStripped = true;
    const stripped = this.parts.withoutCrossAccount(turn.message, turn.account);
    if (stripped === null) return false;
    turn.message = stripped;
    turn.sentAgain();
    return true;
  }

  /** Sends the refusal to the client, after the messages held before it. */
  #passOn(turn: SocketTurn, message: Buffer): void {
    const { held } = turn;
    for (const it of held ?? []) this.#toClient(it, false);
    this.#toClient(message, false);
    this.#close(turn, 'refused', message);
  }

  #close(
    turn: SocketTurn,
    result: 'complete' | 'failed' | 'cut' | 'client-gone' | 'refused' | 'reconnect',
    last: Buffer | null,
  ): void {
    const at = this.#turns.indexOf(turn);
    if (at === -1) return;
    this.#turns.splice(at, 1);
    try {
      this.parts.recorder.close(turn, result, last);
    } finally {
      turn[Symbol.dispose](); // returns the lease even if recording fails
    }
    if (this.parts.isDraining() && !this.isBusy) this.restart('codex-pool is stopping');
  }

  #end(result: 'cut' | 'client-gone', closeOther: () => void): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#idle.end();
    if (this.#peekTimer !== null) clearTimeout(this.#peekTimer);
    for (const turn of this.#turns.toReversed()) this.#guarded(() => this.#close(turn, result, null))();
    try {
      closeOther();
    } finally {
      this.onEnd();
    }
  }

  #leaveUpstream(code: number, reason: Buffer | string): void {
    closeSocket(this.#upstream.socket, sendable(code), reason);
  }

  #toUpstream(message: Buffer, isBinary: boolean): void {
    relayMessage(this.client, this.#upstream.socket, message, { isBinary, isCompressed: true });
  }

  /** Never compressed: the loopback connection is fast, and compression costs time. */
  #toClient(message: Buffer, isBinary: boolean): void {
    relayMessage(this.#upstream.socket, this.client, message, { isBinary, isCompressed: false });
  }
}
