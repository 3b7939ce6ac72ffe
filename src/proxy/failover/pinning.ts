import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { type Account, isPausedAt } from '../../accounts/account.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { type PinnedKind, PinTable } from '../../accounts/selection/pin-table.js';
import { fileIds, previousResponseIds } from './pinned-ids.js';
import type { FailoverContext, SessionSocket } from './failover-context.js';
import type { ProxyRequest } from '../request/proxy-request.js';

export const TURN_STATE = 'x-codex-turn-state';
const REMOTE_SERVER = 'x-codex-server-id';

/**
 * Pins a request to the account that issued the turn state, response or file that it refers to. A turn state is a
 * preference: the request may go to another account without it. A response or a file is a requirement: no other account
 * has it.
 */
@Injectable()
export class Pinning {
  constructor(
    private readonly pins: PinTable,
    private readonly affinity: SessionAffinity,
    private readonly registry: AccountRegistry,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Identity of the account to try before all others; null if none. */
  preferredId({ request, socket }: FailoverContext): string | null {
    if (request.message === null) return this.turnStatePin(request);
    // The turn state in the headers of a handshake concerns the first turn only, which follows the handshake anyway.
    const settled = request.sessionKey === null ? null : this.affinity.find(request.sessionKey);
    return settled === null && socket?.current?.isOpen === true ? socket.current.account.id : null;
  }

  /** Identity of the account that issued the request's turn state; null if unknown. */
  turnStatePin(request: ProxyRequest): string | null {
    const turnState = request.header(TURN_STATE);
    if (turnState === null) return null;
    const { sessionKey } = request;
    const known = this.pins.pinOf('turn-state', turnState);
    if (known !== null || sessionKey === null) return known;
    // Pins of turn states do not survive a restart. Then the session's account counts as the issuer, from now on.
    const servedBy = this.affinity.find(sessionKey);
    if (servedBy !== null) this.pins.remember('turn-state', turnState, servedBy);
    return servedBy;
  }

  /** The account for which the machine that a request names is enrolled for remote control; null if none can serve. */
  remoteServerAccount(request: ProxyRequest): Account | null {
    const server = request.header(REMOTE_SERVER);
    const pinnedTo = server === null ? null : this.pins.pinOf('remote-server', server);
    const account = pinnedTo === null ? null : this.registry.findById(pinnedTo);
    if (account === null || account.withdrawal !== null) return null;
    return isPausedAt(account.settings, this.clock.now()) ? null : account;
  }

  /** Names of client headers that only another account understands, and that must not be sent to this one. */
  crossAccountHeaders(request: ProxyRequest, account: Account): string[] {
    const pinnedTo = this.turnStatePin(request);
    return pinnedTo === null || pinnedTo === account.id ? [] : [TURN_STATE];
  }

  /**
   * Identity of the only account that can serve this request: the one that made the file that its path names, or the
   * response or file that its body names, or the account of the only socket that knows the response. Null if it names
   * none, or an unknown one, or if that account has left the pool.
   */
  async soleAccount(
    request: ProxyRequest,
    path: string,
    socket: SessionSocket | null = null,
  ): Promise<string | null> {
    if (request.isContinuation) return socket?.current?.account.id ?? null;
    return this.namedBy(path) ?? (await this.namedInBody(request));
  }

  /** Pins the turn state in the headers of a response, if there is one. */
  pinTurnState(account: Account, headers: IncomingHttpHeaders): void {
    const turnState = headers[TURN_STATE];
    if (typeof turnState === 'string') this.pins.remember('turn-state', turnState, account.id);
  }

  /** Pins a response, a file or an enrolled machine to the account that made it. */
  pin(kind: 'response' | 'file' | 'remote-server', id: string, account: Account): void {
    this.pins.remember(kind, id, account.id);
  }

  private namedBy(path: string): string | null {
    const [first, ...ids] = path.split('/');
    return first === 'files' ? this.lastPin('file', ids) : null;
  }

  /** Inspects the body only if there are pins it might refer to. */
  private async namedInBody(request: ProxyRequest): Promise<string | null> {
    const mayNameFile = this.pins.has('file');
    // Codex never sends a response id over HTTP (docs/protocol.md), so that alone does not justify inflating its body.
    const isWorthwhile = !request.isCompressed || request.header('x-codex-turn-metadata') === null;
    const mayNameResponse = this.pins.has('response') && isWorthwhile;
    if (!mayNameFile && !mayNameResponse) return null;
    return request.look(
      (plain) =>
        this.lastPin('response', previousResponseIds(plain)) ??
        (mayNameFile ? this.lastPin('file', fileIds(plain)) : null),
    );
  }

  /** The pin of the last id that has one, since a body names the newest last. */
  private lastPin(kind: PinnedKind, ids: Iterable<string>): string | null {
    let last: string | null = null;
    for (const id of ids) {
      const pinnedTo = this.pins.pinOf(kind, id);
      if (pinnedTo !== null && pinnedTo !== last && this.isInPool(pinnedTo)) last = pinnedTo;
    }
    return last;
  }

  private isInPool(pinnedTo: string): boolean {
    const account = this.registry.findById(pinnedTo);
    return account !== null && account.withdrawal?.reason !== 'removed';
  }
}
