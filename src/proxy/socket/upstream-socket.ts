import { WebSocket } from 'ws';
import type { Account } from '../../accounts/account.js';
import type { Secret } from '../../runtime/secret.js';
import { INTERNAL_ERROR, NO_CODE, sendable, TOO_BIG } from './close-code.js';
import { closeSocket } from './message-relay.js';

/** A whole message, as it came. */
export interface SocketMessage {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** How a socket was closed: a code that may be sent on, and its reason. */
export interface SocketEnd {
  readonly code: number;
  readonly reason: string;
  /** Whether upstream closed it properly, but gave no code. */
  readonly isWithoutCode: boolean;
}

/** Receives upstream's messages on a socket. */
export interface SocketReader {
  message(message: SocketMessage): void;
  /** Called after the last message. */
  closed(end: SocketEnd): void;
  /** Called when one of the other two has thrown. */
  failed(error: unknown): void;
}

const ignoring: SocketReader = {
  message: () => undefined,
  closed: () => undefined,
  failed: () => undefined,
};

/**
 * An upstream WebSocket and its account. It has one reader at a time: an attempt that holds the first messages of a
 * turn, the relay of the turn, or the session between turns. Without a reader it is paused; messages that have arrived
 * and the close wait for the next reader, so that nothing is lost when readers change.
 */
export class UpstreamSocket {
  #reader: SocketReader | null = null;
  #waiting: SocketMessage[] = [];
  #end: SocketEnd | null = null;
  #isOwned = false;
  #hasServed = false;
  #stopFollowing: () => void = () => undefined;

  constructor(
    readonly ws: WebSocket,
    readonly account: Account,
    /** The access token of its handshake. */
    readonly token: Secret,
  ) {
    let ownCode = INTERNAL_ERROR;
    ws.on('message', (bytes: Buffer, isBinary) => this.#arrived({ bytes, isBinary }));
    ws.on('error', (error) => {
      if ('code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') ownCode = TOO_BIG;
      closeSocket(ws, ownCode, ''); // the library has sent the close frame; upstream may never reply to it
    });
    const closed = (code: number, reason: string): void => {
      this.#end = { code: sendable(code) ?? ownCode, reason, isWithoutCode: code === NO_CODE };
      this.#stopFollowing();
      this.#deliver();
    };
    ws.once('close', (code, reason) => closed(code, reason.toString()));
    if (ws.readyState === WebSocket.CLOSED) closed(INTERNAL_ERROR, ''); // before the listener was attached
  }

  get isOpen(): boolean {
    return this.#end === null && this.ws.readyState === WebSocket.OPEN;
  }

  /** Whether a turn was served on it before. */
  get hasServed(): boolean {
    return this.#hasServed;
  }

  served(): void {
    this.#hasServed = true;
  }

  /** Closes the socket when the signal aborts, unless a session owns it by then. */
  follow(signal: AbortSignal): void {
    const onAbort = () => this.leave();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#stopFollowing = () => signal.removeEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  }

  /** Gives the socket to a session, which then has to close it. */
  own(): void {
    this.#isOwned = true;
    this.#stopFollowing();
  }

  /**
   * Leaves the socket after an attempt. If a session owns it, it stays open and drops the rest of that attempt;
   * otherwise it is closed.
   */
  leave(): void {
    if (this.#isOwned) this.read(ignoring);
    else this.close(1000, '');
  }

  /** Closes the socket for good. `code` null: without a closing handshake. */
  close(code: number | null, reason: Buffer | string): void {
    this.#stopFollowing();
    this.read(ignoring);
    closeSocket(this.ws, code, reason);
  }

  /**
   * Hands the socket to another reader, beginning with the messages that have arrived meanwhile. Null: no reader for
   * now.
   */
  read(reader: SocketReader | null): void {
    this.#reader = reader;
    if (reader === null) this.ws.pause();
    else this.ws.resume();
    this.#deliver();
  }

  #arrived(message: SocketMessage): void {
    this.#waiting.push(message);
    this.#deliver();
  }

  #deliver(): void {
    const reader = this.#reader;
    if (reader === null) return;
    try {
      while (this.#reader === reader) {
        const message = this.#waiting.shift();
        if (message !== undefined) reader.message(message);
        else if (this.#end === null) return;
        else return reader.closed(this.#end);
      }
    } catch (error) {
      reader.failed(error);
    }
  }
}
