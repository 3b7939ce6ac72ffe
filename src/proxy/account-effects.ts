import { Inject, Injectable } from '@nestjs/common';
import { AccountRegistry } from '../accounts/account-registry.js';
import type { Account } from '../accounts/account.js';
import { AffinityTable } from '../accounts/affinity-table.js';
import { quotaBackAt } from '../accounts/cooldown.js';
import { OwnerTable } from '../accounts/owner-table.js';
import { CLOCK, type Clock } from '../clock.js';
import { SleepWatch } from '../sleep-watch.js';
import { windowsFromHeaders } from '../usage/quota-window.js';
import { QuotaService } from '../usage/quota.service.js';
import type { Attempted } from './attempts.js';
import type { ProxyRequest } from './proxy-request.js';

export const TURN_STATE = 'x-codex-turn-state';

/** What an attempt teaches about its account: evidence, quota, affinity, ownership. */
@Injectable()
export class AccountEffects {
  constructor(
    private readonly registry: AccountRegistry,
    private readonly quota: QuotaService,
    private readonly affinity: AffinityTable,
    private readonly owners: OwnerTable,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly sleep: SleepWatch,
  ) {}

  /** The account that issued the turn state which this request continues; null when none is known. */
  ownerOf(request: ProxyRequest): string | null {
    const turnState = request.header(TURN_STATE);
    return turnState === null ? null : this.owners.ownerOf(turnState);
  }

  /** Headers of the client that mean something to another account only, and must not go to this one. */
  foreignHeaders(request: ProxyRequest, account: Account): string[] {
    const ownerId = this.ownerOf(request);
    return ownerId === null || ownerId === account.id ? [] : [TURN_STATE];
  }

  async apply(request: ProxyRequest, account: Account, attempted: Attempted): Promise<void> {
    const at = this.clock.now();
    const { outcome, answer, startedAt } = attempted;
    if (answer !== null) this.quota.observe(account.id, windowsFromHeaders(answer.response.headers, at));
    const learn = this.registry.learn.bind(this.registry, account);
    switch (outcome.kind) {
      case 'committed':
        learn({ kind: 'served', startedAt, at });
        if (request.sessionKey !== null) this.affinity.settle(request.sessionKey, account.id);
        this.rememberTurnState(account, attempted);
        break;
      case 'quota-exhausted':
        learn({
          kind: 'quota-exhausted',
          until: quotaBackAt(outcome.hint, this.quota.windows(account.id), at),
          at,
        });
        break;
      case 'rate-limited':
        learn({ kind: 'rate-limited', retryAfterMs: outcome.retryAfterMs, at });
        break;
      case 'upstream-error':
        if (!this.sleep.excuses(startedAt)) learn({ kind: 'upstream-error', at });
        break;
      case 'forbidden':
        learn({ kind: 'forbidden', at });
        break;
      case 'deactivated':
        learn({ kind: 'deactivated', code: outcome.code, at });
        break;
      case 'not-entitled': {
        const model = await request.model();
        if (model !== null) learn({ kind: 'not-entitled', model, at });
        break;
      }
      case 'refresh-failed': {
        const { refresh } = account.keeping;
        if (refresh.kind === 'waiting' && !this.sleep.excuses(startedAt))
          learn({ kind: 'unauthorized', until: refresh.until, at });
        break;
      }
      case 'unauthorized': // whether it holds is known only after a refresh: `rejectedAgain`
      case 'needs-login': // the vault knows
      case 'edge-block': // these are the network's fault, not the account's
      case 'overloaded':
      case 'unreachable':
      case 'client-error': // these say nothing about the account
      case 'turn-failed':
      case 'client-gone':
        break;
      default:
        outcome satisfies never;
    }
  }

  /** Upstream rejects the account even with a fresh token. */
  rejectedAgain(account: Account): void {
    this.registry.learn(account, { kind: 'unauthorized', until: null, at: this.clock.now() });
  }

  private rememberTurnState(account: Account, { answer }: Attempted): void {
    const turnState = answer?.response.headers[TURN_STATE];
    if (typeof turnState === 'string') this.owners.remember(turnState, account.id);
  }
}
