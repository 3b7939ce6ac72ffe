import type { IncomingHttpHeaders } from 'node:http';
import { Injectable } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import type { Account } from '../../accounts/account.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { type OwnedKind, OwnerTable } from '../../accounts/selection/pin-table.js';
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
    private readonly owners: OwnerTable,
    private readonly affinity: SessionAffinity,
    private readonly registry: AccountRegistry,
  ) {}

  /** The account that issued the turn state which this request continues; null when none is known. */
  turnStateOwner(request: ProxyRequest): string | null {
    const turnState = request.header(TURN_STATE);
    if (turnState === null) return null;
    const { sessionKey } = request;
    const known = this.owners.ownerOf('turn-state', turnState);
    if (known !== null || sessionKey === null) return known;
    // After a restart nobody remembers: then it is from where the session was, and stays so when that moves.
    const servedBy = this.affinity.find(sessionKey);
    if (servedBy !== null) this.owners.remember('turn-state', turnState, servedBy);
    return servedBy;
  }

  /** Headers of the client that mean something to another account only, and must not go to this one. */
  crossAccountHeaders(request: ProxyRequest, account: Account): string[] {
    const ownerId = this.turnStateOwner(request);
    return ownerId === null || ownerId === account.id ? [] : [TURN_STATE];
  }

  /**
   * The only account that can serve this request, by its identity: the owner of the response or the file that
   * its path or its body names. Null when it names none, an unknown one, or one whose account has left the pool.
   */
  async soleOwner(request: ProxyRequest, path: string): Promise<string | null> {
    return this.namedBy(path) ?? (await this.namedInBody(request));
  }

  tookTurnState(account: Account, answer: IncomingHttpHeaders): void {
    const turnState = answer[TURN_STATE];
    if (typeof turnState === 'string') this.owners.remember('turn-state', turnState, account.id);
  }

  made(kind: 'response' | 'file', id: string, account: Account): void {
    this.owners.remember(kind, id, account.id);
  }

  private namedBy(path: string): string | null {
    const [first, ...ids] = path.split('/');
    const kind = first === 'files' ? 'file' : first === 'responses' ? 'response' : null;
    return kind === null ? null : this.lastOwner(kind, ids);
  }

  /** While nothing is remembered no body is looked into. */
  private async namedInBody(request: ProxyRequest): Promise<string | null> {
    const mayNameFile = this.owners.has('file');
    // Codex never sends a response's id over HTTP (docs/protocol.md): its body is not inflated for that alone.
    const isWorthwhile = !request.isCompressed || request.header('x-codex-turn-metadata') === null;
    const mayNameResponse = this.owners.has('response') && isWorthwhile;
    if (!mayNameFile && !mayNameResponse) return null;
    return request.look(
      (plain) =>
        this.lastOwner('response', previousResponseIds(plain)) ??
        (mayNameFile ? this.lastOwner('file', fileIds(plain)) : null),
    );
  }

  /** What a body names last is the newest. */
  private lastOwner(kind: OwnedKind, ids: Iterable<string>): string | null {
    let last: string | null = null;
    for (const id of ids) {
      const ownerId = this.owners.ownerOf(kind, id);
      if (ownerId !== null && ownerId !== last && this.isInPool(ownerId)) last = ownerId;
    }
    return last;
  }

  private isInPool(ownerId: string): boolean {
    const account = this.registry.findById(ownerId);
    return account !== null && account.withdrawal?.reason !== 'removed';
  }
}
