import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import { OutcomeRecorder } from '../failover/outcome-recorder.js';
import { type Attempted, releaseAttempt, type SocketResponse } from '../upstream/attempted.js';
import { RecordedAttempts, type RefreshedAttempt } from './recorded-attempts.js';
import { sendLocalResponse } from '../response/local-response.js';
import type { RequestRecord } from '../failover/request-record.js';
import { NoAccountResponse } from '../failover/no-account-response.js';
import { type Issue, IssuedIds, issueOf } from './issued-ids.js';
import { Pinning } from '../failover/pinning.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { ResponseCommit } from '../response/response-commit.js';
import { SideRequests } from '../response/side-requests.js';
import type { Destination, SocketUse } from '../upstream/request-builder.js';
import type { UpstreamBase } from '../upstream/upstream-client.js';
import { SideAccounts, type SideChoice } from './side-accounts.js';

/** A WebSocket at upstream, and the response headers for the client's handshake. */
export interface OpenedSocket extends SocketResponse {
  readonly headers: OutgoingHttpHeaders;
}

/** A request that is not a turn, and where it goes. */
interface SideRequest {
  readonly request: ProxyRequest;
  readonly base: UpstreamBase;
  readonly path: string;
  readonly record: RequestRecord;
  /** Null over HTTP. */
  readonly socket: SocketUse | null;
}

/** No message is sent with the handshake. */
const newSocket: SocketUse = { carrier: null, onSent: () => undefined };

/** Forwards requests that are not turns: one account, one attempt, plus a refresh on 401. */
@Injectable()
export class Passthrough {
  constructor(
    private readonly accounts: SideAccounts,
    private readonly attempts: RecordedAttempts,
    private readonly recorder: OutcomeRecorder,
    private readonly pinning: Pinning,
    private readonly commit: ResponseCommit,
    private readonly noAccount: NoAccountResponse,
    private readonly side: SideRequests,
  ) {}

  /** Uses the account of the request's session, or the only account that can serve the request. */
  async viaSessionAccount(
    request: ProxyRequest,
    res: ServerResponse,
    base: UpstreamBase,
    path: string,
    record: RequestRecord,
  ): Promise<void> {
    const choice = await this.accounts.ofSession(request, path, record);
    await this.forward({ request, base, path, record, socket: null }, res, choice);
  }

  /** Uses the home account, to which the client's settings and connectors belong. */
  async viaHomeAccount(
    request: ProxyRequest,
    res: ServerResponse,
    base: UpstreamBase,
    path: string,
    record: RequestRecord,
  ): Promise<void> {
    const choice = this.accounts.ofHome(request);
    await this.forward({ request, base, path, record, socket: null }, res, choice);
  }

  /** For a known file, uses its account, even without quota. Otherwise uses the session's account, or the home account. */
  async forFile(
    request: ProxyRequest,
    res: ServerResponse,
    path: string,
    record: RequestRecord,
  ): Promise<void> {
    const choice = await this.accounts.ofFile(request, path, record);
    await this.forward({ request, base: 'wham', path, record, socket: null }, res, choice);
  }

  /**
   * Opens a WebSocket at upstream, on the account that a request over HTTP would use. Returns null if the client got
   * a response instead. The account is leased for the handshake only: an idle socket must not keep turns from it.
   */
  async openSocket(
    request: ProxyRequest,
    res: ServerResponse,
    route: {
      readonly kind: 'session' | 'home' | 'files';
      readonly base: UpstreamBase;
      readonly path: string;
    },
    record: RequestRecord,
  ): Promise<OpenedSocket | null> {
    const { kind, base, path } = route;
    const side = { request, base, path, record, socket: newSocket };
    switch (kind) {
      case 'session':
        return await this.forward(side, res, await this.accounts.ofSession(request, path, record));
      case 'home':
        return await this.forward(side, res, this.accounts.ofHome(request));
      case 'files':
        return await this.forward(side, res, await this.accounts.ofFile(request, path, record));
      default:
        return kind satisfies never;
    }
  }

  /** Returns the socket if one was asked for and opened; otherwise the client has got its response. */
  private async forward(
    side: SideRequest,
    res: ServerResponse,
    choice: SideChoice,
  ): Promise<OpenedSocket | null> {
    const { request, record } = side;
    if (choice.kind === 'none') {
      this.noAccount.send(request, res, new Set(), null, record, choice.soleId);
      return null;
    }
    using _lease = choice.lease;
    const { account } = choice;
    const { attempted, hasRefreshed } = await this.attemptTwice(side, account);
    this.recorder.observe(account, attempted);
    choice.learn(attempted);
    if (attempted.outcome.kind === 'opened' && attempted.socket !== null) {
      const headers = this.commit.headersOf(request, account, attempted.headers);
      return { ...attempted.socket, headers };
    }
    await this.respond(side, res, account, attempted, hasRefreshed);
    return null;
  }

  private async respond(
    { request, path, record }: SideRequest,
    res: ServerResponse,
    account: Account,
    attempted: Attempted,
    hasRefreshed: boolean,
  ): Promise<void> {
    const { outcome, peeked } = attempted;
    if (outcome.kind === 'client-gone') return record.end('client gone', 499);
    // A 401 to a renewed token is the route's own; the commit sends it as 403.
    const isRejected = peeked?.response.statusCode === 401 && !hasRefreshed;
    if (peeked !== null && !isRejected && outcome.kind !== 'edge-block') {
      if (isEventStream(attempted)) this.side.streams(res);
      const issue = outcome.kind === 'success' ? issueOf(request.method, path) : null;
      const watch = issue === null ? null : this.pinsOf(issue, account);
      const end = await this.commit.plain(request, res, account, { ...attempted, peeked }, watch);
      return record.end(end, res.statusCode);
    }
    releaseAttempt(attempted);
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

  /** Pins the ids that a response issues to the account, as its bytes pass. */
  private pinsOf({ kind, fields }: Issue, account: Account): (bytes: Buffer) => void {
    const ids = new IssuedIds(fields, (id) => this.pinning.pin(kind, id, account));
    return (bytes) => ids.observe(bytes);
  }

  private async attemptTwice(
    { request, base, path, record, socket }: SideRequest,
    account: Account,
  ): Promise<RefreshedAttempt> {
    const to: Destination = {
      base,
      path,
      isTurn: false,
      socket,
      // Without `accept-encoding`, the ids in the response can be read.
      without: [
        ...this.pinning.crossAccountHeaders(request, account),
        ...(issueOf(request.method, path) === null ? [] : ['accept-encoding']),
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

function isEventStream({ headers }: Attempted): boolean {
  return /^text\/event-stream\b/i.test(headers['content-type'] ?? '');
}
