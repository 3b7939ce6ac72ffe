import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Histogram } from 'prom-client';
import type { Account } from '../../accounts/account.js';
import { PoolStatusService } from '../../accounts/selection/pool-status.js';
import { Faults } from '../../observability/faults.js';
import { metricNames } from '../../observability/metrics.js';
import type { TokenCount } from '../../usage/response-usage.js';
import type { AttemptOutcome } from '../upstream/outcome.js';
import type { Attempted } from '../upstream/attempt-runner.js';
import type { ErrorEnvelope } from '../upstream/error-envelope.js';
import type { PeekedResponse } from '../upstream/response-peek.js';
import { clientStatus, isSilentWait } from './client-head.js';
import { ModelsEtag } from './models-etag.js';
import { paceGarbageCollection } from './gc-pacing.js';
import { setPoolQuota } from './quota-view.js';
import { clientVersion } from '../request/client-version.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { concatChunks } from '../request/concat-chunks.js';
import { type RelayEnd, relayStream } from './relay.js';
import { TurnCounters } from './turn-counters.js';
import { clientHeaders } from '../upstream/headers.js';
import { UsageTap } from './usage-tap.js';

/** How the relay of a turn ended. */
export interface Relayed {
  readonly end: RelayEnd;
  /** Null if the stream reported none. */
  readonly tokens: TokenCount | null;
  readonly bytes: number;
  /** The error that the stream reported after the commit; null if none. */
  readonly failure: ErrorEnvelope | null;
}

/** An attempt with a response to relay. */
type Responded = Pick<Attempted, 'headAt' | 'outcome'> & { readonly peeked: PeekedResponse };

/** The only place that writes the head of an upstream response to a client. After this point nothing is retried. */
@Injectable()
export class ResponseCommit {
  constructor(
    private readonly modelsEtag: ModelsEtag,
    private readonly pool: PoolStatusService,
    private readonly counters: TurnCounters,
    @InjectMetric(metricNames.addedAfter) private readonly addedAfter: Histogram,
    private readonly faults: Faults,
  ) {}

  /**
   * Relays a turn's response byte for byte without delay and counts its tokens. Reports the response id as soon as
   * it appears in the stream.
   */
  async turn(
    request: ProxyRequest,
    res: ServerResponse,
    account: Account,
    attempted: Attempted & { peeked: PeekedResponse },
    onResponseId: (id: string) => void,
  ): Promise<Relayed> {
    const onFault = (error: unknown) => this.faults.note('tap', error, { request: request.id });
    const tap = new UsageTap({ onResponseId, onFault });
    const end = await this.relay(request, res, account, attempted, {
      isTurn: true,
      watch: (bytes) => tap.observe(bytes),
    });
    const isSuccess = attempted.outcome.kind === 'success';
    const failure = isSuccess ? tap.failure : null;
    if (failure !== null) this.counters.used(account, tap.counted);
    else if (isSuccess) this.counters.served(account, tap.counted);
    return { end, tokens: tap.counted, bytes: tap.length, failure };
  }

  /** Relays any other response; `watch` sees its bytes after they were sent. */
  async plain(
    request: ProxyRequest,
    res: ServerResponse,
    account: Account,
    attempted: Responded,
    watch: ((bytes: Buffer) => void) | null,
  ): Promise<RelayEnd> {
    return this.relay(request, res, account, attempted, { isTurn: false, watch });
  }

  /**
   * The client's response head: upstream's headers with the pool's quota and the id under which the request log
   * explains the request.
   */
  headersOf(
    request: ProxyRequest,
    account: Account,
    response: IncomingMessage,
    isTurn: boolean,
  ): OutgoingHttpHeaders {
    const headers = clientHeaders(response.headers);
    if (response.statusCode === 401) delete headers['www-authenticate'];
    if (isSilentWait(headers['retry-after'], request.headers, Date.now())) delete headers['retry-after'];
    const version = clientVersion(request.query, request.headers);
    if (!this.modelsEtag.isSteady(version, account.id, headers['x-models-etag']))
      delete headers['x-models-etag'];
    if (isTurn) setPoolQuota(headers, this.pool.status().windows, Date.now());
    headers['x-codex-pool-account'] = headerText(account.name);
    headers['x-codex-pool-request'] = request.id;
    return headers;
  }

  private async relay(
    request: ProxyRequest,
    res: ServerResponse,
    account: Account,
    { peeked: { response, head, isEventStream }, headAt, outcome }: Responded,
    by: { readonly isTurn: boolean; readonly watch: ((bytes: Buffer) => void) | null },
  ): Promise<RelayEnd> {
    const headers = this.headersOf(request, account, response, by.isTurn);
    if (isEventStream && (response.headers['content-type'] ?? '').trim() === '')
      headers['content-type'] = 'text/event-stream';
    res.writeHead(clientStatus(statusFor(request, response, outcome)), headers);
    if (head.length === 0) res.flushHeaders(); // otherwise the head would wait for the first bytes
    else res.write(concatChunks(head));
    this.addedAfter.observe((performance.now() - headAt) / 1_000);
    const watch = (bytes: Buffer) => {
      by.watch?.(bytes);
      paceGarbageCollection(bytes.length);
    };
    if (head.length > 0) watch(concatChunks(head));
    return relayStream(response, res, watch);
  }
}

/** Codex prints a 400 at once, but repeats a 403 for seconds (docs/protocol.md, errors): the place will not change. */
function statusFor(
  request: ProxyRequest,
  { statusCode = 502 }: IncomingMessage,
  outcome: AttemptOutcome,
): number {
  return outcome.kind === 'wrong-place' && request.isFromCodex ? 400 : statusCode;
}

/** A name as a header value: percent-encoded except for unreserved characters. */
export function headerText(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/gu, (it) =>
    [...Buffer.from(it)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
