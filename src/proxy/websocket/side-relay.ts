import type { WebSocket } from 'ws';
import type { Account } from '../../accounts/account.js';
import { INTERNAL_ERROR, NO_CODE, sendable, SERVICE_RESTART } from '../socket/close-code.js';
import { guard } from '../socket/guard.js';
import { closeSocket, relayMessage } from '../socket/message-relay.js';
import type { UpstreamSocket } from '../socket/upstream-socket.js';
import { IdleTimer } from './idle-timer.js';
import type { OpenSocket } from './open-socket.js';

/**
 * Relays a WebSocket that carries no turns: whole messages both ways, each at its own pace, and the close of either
 * side. Nothing is read, changed or sent again. Pings are each side's own.
 */
export class SideRelay implements OpenSocket {
  readonly isBusy = false;
  readonly #guarded = guard((error) => this.#fail(error));
  readonly #idle: IdleTimer;
  #isOver = false;

  constructor(
    private readonly client: WebSocket,
    private readonly upstream: UpstreamSocket,
    /** Reports an internal fault that ended the relay. */
    private readonly failed: (error: unknown) => void,
    private readonly onEnd: () => void,
  ) {
    this.#idle = new IdleTimer(
      () => false,
      this.#guarded(() => this.restart('idle')),
    );
    client.on(
      'message',
      this.#guarded((message: Buffer, isBinary: boolean) => this.#pass(message, isBinary, 'up')),
    );
    // The client broke the protocol. The library has sent it the close frame.
    client.on(
      'error',
      this.#guarded(() => this.#end(INTERNAL_ERROR, '', 1001, '')),
    );
    client.once(
      'close',
      this.#guarded((code: number, reason: Buffer) => this.#end(null, '', relayed(code), reason)),
    );
    upstream.own();
    upstream.read({
      message: ({ bytes, isBinary }) => this.#pass(bytes, isBinary, 'down'),
      closed: ({ code, reason, isWithoutCode }) =>
        this.#end(isWithoutCode ? NO_CODE : code, reason, null, ''),
      failed: (error) => this.#fail(error),
    });
  }

  isOf(account: Account): boolean {
    return this.upstream.account === account;
  }

  restart(reason: string): void {
    this.#end(SERVICE_RESTART, reason, 1001, '');
  }

  #pass(message: Buffer, isBinary: boolean, way: 'up' | 'down'): void {
    this.#idle.moved();
    const { client, upstream } = this;
    // Loopback is fast, and compression costs time there.
    if (way === 'down') relayMessage(upstream.ws, client, message, { isBinary, isCompressed: false });
    else relayMessage(client, upstream.ws, message, { isBinary, isCompressed: true });
  }

  #fail(error: unknown): void {
    this.failed(error);
    this.#end(INTERNAL_ERROR, 'internal error in codex-pool; see its log', 1001, '');
  }

  /** Closes both sides, each with its own code; null: without a closing handshake. */
  #end(clientCode: number | null, reason: string, upstreamCode: number | null, toUpstream: Buffer | string) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#idle.end();
    try {
      closeSocket(this.client, clientCode, reason);
      this.upstream.close(upstreamCode, toUpstream);
    } finally {
      this.onEnd();
    }
  }
}

/** The close code to forward: none for a close frame without one, null for a broken connection. */
function relayed(code: number): number | null {
  return code === NO_CODE ? NO_CODE : sendable(code);
}
