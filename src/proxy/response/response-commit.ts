import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Histogram } from 'prom-client';
import type { Account } from '../../accounts/account.js';
import { PoolStatusService } from '../../accounts/selection/pool-status.js';
import { Faults } from '../../observability/faults.js';
import { metricNames } from '../../observability/metrics.js';
import type { AttemptOutcome } from '../outcome/outcome.js';
import type { Attempted } from '../upstream/attempted.js';
import type { PeekedResponse } from '../upstream/response-peek.js';
import type { ClientChannel, Relayed } from './client-channel.js';
import { clientStatus, isSilentWait } from './client-head.js';
import { sendLocalResponse } from './local-response.js';
import { ModelsEtag } from './models-etag.js';
import { paceGarbageCollection } from './gc-pacing.js';
import { setPoolQuota } from './quota-view.js';
import { clientVersion } from '../request/client-version.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { concatChunks } from '../request/concat-chunks.js';
import { type RelayEnd, relayStream } from './relay.js';
import { clientHeaders } from '../upstream/headers.js';
import { UsageTap } from './usage-tap.js';

/** An attempt with a response to relay. */
type Responded = Pick<Attempted, 'headAt' | 'outcome'> & { readonly peeked: PeekedResponse };

interface RelayOptions {
  readonly watch: ((bytes: Buffer) => void) | null;
  /** Whether the client has been sent everything it waits for. */
  readonly isWhole: () => boolean;
}

/** The only place that writes the head of an upstream response to a client. After this point nothing is retried. */
@Injectable()
export class ResponseCommit {
  constructor(
    private readonly modelsEtag: ModelsEtag,
    private readonly pool: PoolStatusService,
    @InjectMetric(metricNames.addedAfter) private readonly addedAfter: Histogram,
    private readonly faults: Faults,
  ) {}

  /** The channel of a client that made its request over HTTP. */
  channelTo(res: ServerResponse): ClientChannel {
    return {
      relay: async (request, account, attempted, onResponseId) => {
        const { peeked } = attempted;
        return peeked === null
          ? null
          : await this.turn(request, res, account, { ...attempted, peeked }, onResponseId);
      },
      sendLocal: (response) => sendLocalResponse(res, response),
      reconnect: null,
    };
  }

  /**
   * Relays a turn's response byte for byte without delay and counts its tokens. Reports the response id as soon as
   * it appears in the stream.
   */
  private async turn(
    request: ProxyRequest,
    res: ServerResponse,
    account: Account,
    attempted: Responded,
    onResponseId: (id: string) => void,
  ): Promise<Relayed> {
    const onFault = (error: unknown) => this.faults.note('tap', error, { request: request.id });
    const tap = new UsageTap({ onResponseId, onFault }, attempted.peeked.isEventStream);
    const end = await this.relay(request, res, account, attempted, {
      watch: (bytes) => {
        tap.observe(bytes);
        if (tap.hasEnded) request.delivered();
      },
      isWhole: () => tap.hasEnded,
    });
    return { end, tokens: tap.counted, bytes: tap.length, failure: tap.failure };
  }

  /** Relays any other response; `watch` sees its bytes after they were sent. */
  async plain(
    request: ProxyRequest,
    res: ServerResponse,
    account: Account,
    attempted: Responded,
    watch: ((bytes: Buffer) => void) | null,
  ): Promise<RelayEnd> {
    return this.relay(request, res, account, attempted, { watch, isWhole: () => false });
  }

  /**
   * The client's response head: upstream's headers, with the pool's quota and the id of the request in the request log.
   */
  headersOf(request: ProxyRequest, account: Account, upstream: IncomingHttpHeaders): OutgoingHttpHeaders {
    const headers = clientHeaders(upstream);
    if (isSilentWait(headers['retry-after'], request.headers, Date.now())) delete headers['retry-after'];
    const version = clientVersion(request.query, request.headers);
    if (!this.modelsEtag.isSteady(version, account.id, headers['x-models-etag']))
      delete headers['x-models-etag'];
    setPoolQuota(headers, () => this.pool.status().windows, Date.now());
    headers['x-codex-pool-account'] = headerText(account.name);
    headers['x-codex-pool-request'] = request.id;
    return headers;
  }

  private async relay(
    request: ProxyRequest,
    res: ServerResponse,
    account: Account,
    { peeked: { response, head, isEventStream }, headAt, outcome }: Responded,
    by: RelayOptions,
  ): Promise<RelayEnd> {
    const headers = this.headersOf(request, account, response.headers);
    if (response.statusCode === 401) delete headers['www-authenticate'];
    if (isEventStream && (response.headers['content-type'] ?? '').trim() === '')
      headers['content-type'] = 'text/event-stream';
    res.writeHead(clientStatus(statusFor(request, response, outcome)), headers);
    const held = head.length === 0 ? null : concatChunks(head);
    if (held === null) res.flushHeaders(); // otherwise the head would wait for the first bytes
    else res.write(held);
    this.addedAfter.observe((performance.now() - headAt) / 1_000);
    const watch = (bytes: Buffer) => {
      by.watch?.(bytes);
      paceGarbageCollection(bytes.length);
    };
    if (held !== null) watch(held);
    return relayStream(response, res, watch, by.isWhole);
  }
}

/**
 * Codex prints a 400 at once, but repeats a 403 for seconds (docs/protocol.md, errors), although the place will not
 * change.
 */
function statusFor(
  request: ProxyRequest,
  { statusCode = 502 }: PeekedResponse['response'],
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
