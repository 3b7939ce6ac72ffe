import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import type { Account } from '../../accounts/account.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { type PinnedKind, PinTable } from '../../accounts/selection/pin-table.js';
import { fileIds, previousResponseIds } from './pinned-ids.js';
import type { ProxyRequest } from '../request/proxy-request.js';

export const TURN_STATE = 'x-codex-turn-state';

/**
 * What only one account can continue. A turn state is a wish: the request may go elsewhere, without it. A
 * response or a file is a must: no other account has it.
 */
@Injectable()
export class Pinning {
  constructor(
    private readonly pins: PinTable,
    private readonly affinity: SessionAffinity,
    private readonly registry: AccountRegistry,
  ) {}

  /** The account that issued the turn state which this request continues; null when none is known. */
  turnStatePin(request: ProxyRequest): string | null {
    const turnState = request.header(TURN_STATE);
    if (turnState === null) return null;
    const { sessionKey } = request;
    const known = this.pins.pinOf('turn-state', turnState);
    if (known !== null || sessionKey === null) return known;
    // After a restart nobody remembers: then it is from where the session was, and stays so when that moves.
    const servedBy = this.affinity.find(sessionKey);
    if (servedBy !== null) this.pins.remember('turn-state', turnState, servedBy);
    return servedBy;
  }

  /** Headers of the client that mean something to another account only, and must not go to this one. */
  crossAccountHeaders(request: ProxyRequest, account: Account): string[] {
    const pinnedTo = this.turnStatePin(request);
    return pinnedTo === null || pinnedTo === account.id ? [] : [TURN_STATE];
  }

  /**
   * The only account that can serve this request, by its identity: the owner of the response or the file that
   * its path or its body names. Null when it names none, an unknown one, or one whose account has left the pool.
   */
  async soleAccount(request: ProxyRequest, path: string): Promise<string | null> {
    return this.namedBy(path) ?? (await this.namedInBody(request));
  }

  pinTurnState(account: Account, answer: IncomingHttpHeaders): void {
    const turnState = answer[TURN_STATE];
    if (typeof turnState === 'string') this.pins.remember('turn-state', turnState, account.id);
  }

  pin(kind: 'response' | 'file', id: string, account: Account): void {
    this.pins.remember(kind, id, account.id);
  }

  private namedBy(path: string): string | null {
    const [first, ...ids] = path.split('/');
    const kind = first === 'files' ? 'file' : first === 'responses' ? 'response' : null;
    return kind === null ? null : this.lastPin(kind, ids);
  }

  /** While nothing is remembered no body is looked into. */
  private async namedInBody(request: ProxyRequest): Promise<string | null> {
    const mayNameFile = this.pins.has('file');
    // Codex never sends a response's id over HTTP (docs/protocol.md): its body is not inflated for that alone.
    const isWorthwhile = !request.isCompressed || request.header('x-codex-turn-metadata') === null;
    const mayNameResponse = this.pins.has('response') && isWorthwhile;
    if (!mayNameFile && !mayNameResponse) return null;
    return request.look(
      (plain) =>
        this.lastPin('response', previousResponseIds(plain)) ??
        (mayNameFile ? this.lastPin('file', fileIds(plain)) : null),
    );
  }

  /** What a body names last is the newest. */
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
