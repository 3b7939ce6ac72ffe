import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { AccountSelector, hasNoQuota } from '../../accounts/selection/account-selector.js';
import { anyTurn } from '../../accounts/evidence/refusal-scope.js';
import type { Account } from '../../accounts/account.js';
import { Lease } from '../../accounts/lease.js';
import { OutcomeRecorder } from '../failover/outcome-recorder.js';
import type { Attempted } from '../upstream/attempted.js';
import { RecordedAttempts, type RefreshedAttempt } from './recorded-attempts.js';
import { sendLocalResponse } from '../response/local-response.js';
import type { RequestRecord } from '../failover/request-record.js';
import { NoAccountResponse } from '../failover/no-account-response.js';
import { FileResponse } from './file-response.js';
import { discard } from '../upstream/response-peek.js';
import { Pinning } from '../failover/pinning.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { ResponseCommit } from '../response/response-commit.js';
import type { Destination } from '../upstream/request-builder.js';
import type { UpstreamBase } from '../upstream/upstream-client.js';

/** Forwards requests that are not turns: one account, one attempt, plus a refresh on 401. */
@Injectable()
export class Passthrough {
  constructor(
    private readonly selector: AccountSelector,
    private readonly attempts: RecordedAttempts,
    private readonly recorder: OutcomeRecorder,
    private readonly pinning: Pinning,
    private readonly commit: ResponseCommit,
    private readonly noAccount: NoAccountResponse,
  ) {}

  /** Uses the account of the request's session, or the only account that can serve the request. */
  async viaSessionAccount(
    request: ProxyRequest,
    res: ServerResponse,
    base: UpstreamBase,
    path: string,
    record: RequestRecord,
  ): Promise<void> {
    const soleId = await this.pinning.soleAccount(request, path);
    const choice = this.selector.choose({
      sessionKey: request.sessionKey,
      ...anyTurn,
      pinnedTo: this.pinning.turnStatePin(request),
      soleId,
      tried: new Set(),
      isPatient: false,
    });
    record.recordCandidates(choice.candidates);
    if (choice.kind !== 'leased') return this.noAccount.send(request, res, new Set(), null, record, soleId);
    using lease = choice.lease;
    const learn = (attempted: Attempted) => this.recorder.learnOfSession(request, lease.account, attempted);
    return await this.forward(request, res, lease.account, base, path, record, learn);
  }

  /** Uses the home account, to which the client's settings and connectors belong. */
  async viaHomeAccount(
    request: ProxyRequest,
    res: ServerResponse,
    base: UpstreamBase,
    path: string,
    record: RequestRecord,
  ): Promise<void> {
    const home = this.selector.home(request.header('chatgpt-account-id'));
    if (home === null) return this.noAccount.send(request, res, new Set(), null, record);
    using _lease = new Lease(home);
    return await this.forward(request, res, home, base, path, record);
  }

  /** For a known file, uses its account, even without quota. Otherwise uses the session's account, or the home account. */
  async forFile(
    request: ProxyRequest,
    res: ServerResponse,
    path: string,
    record: RequestRecord,
  ): Promise<void> {
    const soleId = await this.pinning.soleAccount(request, path);
    if (soleId === null) {
      if (request.sessionKey === null) return await this.viaHomeAccount(request, res, 'wham', path, record);
      return await this.viaSessionAccount(request, res, 'wham', path, record);
    }
    const candidates = this.selector.assess(anyTurn, soleId);
    record.recordCandidates(candidates);
    const [pin] = candidates;
    const isOut = pin?.unavailable != null && !hasNoQuota(pin.unavailable);
    if (pin === undefined || isOut) return this.noAccount.send(request, res, new Set(), null, record, soleId);
    using _lease = new Lease(pin.account);
    return await this.forward(request, res, pin.account, 'wham', path, record);
  }

  private async forward(
    request: ProxyRequest,
    res: ServerResponse,
    account: Account,
    base: UpstreamBase,
    path: string,
    record: RequestRecord,
    learn: (attempted: Attempted) => void = () => undefined,
  ): Promise<void> {
    const { attempted, hasRefreshed } = await this.attemptTwice(request, account, base, path, record);
    const { outcome, peeked } = attempted;
    this.recorder.observe(account, attempted);
    learn(attempted);
    if (outcome.kind === 'client-gone') return record.end('client gone', 499);
    // A 401 to a renewed token is the route's own; the commit sends it as 403.
    const isRejected = peeked?.response.statusCode === 401 && !hasRefreshed;
    if (peeked !== null && !isRejected && outcome.kind !== 'edge-block') {
      const isNewFile = isUpload(request, path) && outcome.kind === 'success';
      const newFile = new FileResponse((id) => this.pinning.pin('file', id, account));
      const watch = isNewFile ? (bytes: Buffer) => newFile.observe(bytes) : null;
      const end = await this.commit.plain(request, res, account, { ...attempted, peeked }, watch);
      return record.end(end, res.statusCode);
    }
    if (peeked !== null) discard(peeked.response);
    const isNetwork = outcome.kind === 'unreachable' || outcome.kind === 'edge-block';
    const code = isNetwork
      ? outcome.kind === 'edge-block'
        ? 'upstream_blocked'
        : 'upstream_unreachable'
      : 'account_unauthorized';
    sendLocalResponse(res, {
      status: 503,
      code,
      type: 'pool_unavailable',
      message: isNetwork
        ? 'Upstream cannot be reached from this machine.'
        : `Upstream does not accept the login of account ${account.name}.`,
      headers: { 'retry-after': '2', 'x-codex-pool-request': request.id },
    });
    record.end(code, 503);
  }

  private async attemptTwice(
    request: ProxyRequest,
    account: Account,
    base: UpstreamBase,
    path: string,
    record: RequestRecord,
  ): Promise<RefreshedAttempt> {
    const to: Destination = {
      base,
      path,
      isTurn: false,
      socket: null,
      // Without `accept-encoding`, the response to an upload can be read.
      without: [
        ...this.pinning.crossAccountHeaders(request, account),
        ...(isUpload(request, path) ? ['accept-encoding'] : []),
      ],
      bodyInstead: null,
      withinMs: null,
    };
    const first = await this.attempts.withRefresh(request, account, to, record, 'home or session');
    const { outcome } = first.attempted;
    const isStale = !first.hasRefreshed && outcome.kind === 'unreachable' && outcome.wasReused;
    if (!isStale || !request.isReplayable) return first;
    return await this.attempts.withRefresh(request, account, to, record, 'retry-at-once');
  }
}

/** Whether the response will name a new file. */
function isUpload(request: ProxyRequest, path: string): boolean {
  return request.method === 'POST' && path === 'files';
}
