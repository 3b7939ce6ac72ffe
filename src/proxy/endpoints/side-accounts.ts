import { Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import { anyTurn } from '../../accounts/evidence/refusal-scope.js';
import { Lease } from '../../accounts/lease.js';
import { AccountSelector, hasNoQuota } from '../../accounts/selection/account-selector.js';
import { OutcomeRecorder } from '../failover/outcome-recorder.js';
import { Pinning } from '../failover/pinning.js';
import type { RequestRecord } from '../failover/request-record.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { Attempted } from '../upstream/attempted.js';

/** The account for a request that is not a turn, or the identity of the only one that could have served it. */
export type SideChoice =
  | {
      readonly kind: 'leased';
      readonly lease: Lease;
      readonly account: Account;
      /** Called with the attempt that was served. */
      readonly learn: (attempted: Attempted) => void;
    }
  | { readonly kind: 'none'; readonly soleId: string | null };

/** Chooses the account for a request that is not a turn. */
@Injectable()
export class SideAccounts {
  constructor(
    private readonly selector: AccountSelector,
    private readonly pinning: Pinning,
    private readonly recorder: OutcomeRecorder,
  ) {}

  /** The account of the request's session, or the only account that can serve the request. */
  async ofSession(request: ProxyRequest, path: string, record: RequestRecord): Promise<SideChoice> {
    const soleId = await this.pinning.soleAccount(request, path);
    const choice = this.selector.choose({
      sessionKey: request.sessionKey,
      ...anyTurn,
      pinnedTo: this.pinning.turnStatePin(request),
      soleId,
      tried: new Set(),
      isPatient: false,
      isTurn: false,
    });
    record.recordCandidates(choice.candidates);
    if (choice.kind !== 'leased') return { kind: 'none', soleId };
    const { lease } = choice;
    const { account } = lease;
    const learn = (attempted: Attempted): void => this.recorder.learnOfSession(request, account, attempted);
    return { kind: 'leased', lease, account, learn };
  }

  /**
   * The home account, to which the client's settings and connectors belong. A machine enrolled for remote control stays
   * with the account that enrolled it: on its WebSocket, Codex names no account.
   */
  ofHome(request: ProxyRequest): SideChoice {
    const enrolled = this.pinning.remoteServerAccount(request);
    const home = enrolled ?? this.selector.home(request.header('chatgpt-account-id'));
    return home === null ? { kind: 'none', soleId: null } : leased(home);
  }

  /** The account of a known file, even without quota. Otherwise the session's account, or the home account. */
  async ofFile(request: ProxyRequest, path: string, record: RequestRecord): Promise<SideChoice> {
    const soleId = await this.pinning.soleAccount(request, path);
    if (soleId === null)
      return request.sessionKey === null ? this.ofHome(request) : this.ofSession(request, path, record);
    const candidates = this.selector.assess(anyTurn, soleId);
    record.recordCandidates(candidates);
    const [pin] = candidates;
    const isOut = pin?.unavailable != null && !hasNoQuota(pin.unavailable);
    return pin === undefined || isOut ? { kind: 'none', soleId } : leased(pin.account);
  }
}

function leased(account: Account): SideChoice {
  return { kind: 'leased', lease: new Lease(account), account, learn: () => undefined };
}
