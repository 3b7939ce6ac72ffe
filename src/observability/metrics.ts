import { Global, Module } from '@nestjs/common';
import {
  makeCounterProvider,
  makeGaugeProvider,
  makeHistogramProvider,
  PrometheusModule,
} from '@willsoto/nestjs-prometheus';

/** Names of the metrics, for `@InjectMetric`. Base units; closed label sets: never a session, path or message. */
export const metricNames = {
  requests: 'codex_pool_requests_total',
  attempts: 'codex_pool_attempts_total',
  tokens: 'codex_pool_tokens_total',
  turns: 'codex_pool_turns_total',
  inFlight: 'codex_pool_in_flight',
  available: 'codex_pool_account_available',
  quota: 'codex_pool_quota_used_ratio',
  credits: 'codex_pool_account_credits',
  poolQuota: 'codex_pool_pool_quota_used_ratio',
  addedBefore: 'codex_pool_added_before_upstream_seconds',
  addedAfter: 'codex_pool_added_after_upstream_seconds',
  firstByte: 'codex_pool_first_byte_seconds',
  unreplayable: 'codex_pool_unreplayable_requests_total',
  dropped: 'codex_pool_usage_dropped_total',
  upstreamTrouble: 'codex_pool_upstream_trouble',
  faults: 'codex_pool_faults_total',
} as const;

const added = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1];

const providers = [
  makeCounterProvider({
    name: metricNames.requests,
    help: 'Client requests by route and status class',
    labelNames: ['route', 'status'],
  }),
  makeCounterProvider({
    name: metricNames.attempts,
    help: 'Upstream attempts by outcome',
    labelNames: ['account', 'outcome'],
  }),
  makeCounterProvider({
    name: metricNames.tokens,
    help: 'Tokens as upstream counted them; cached is part of input, reasoning of output',
    labelNames: ['account', 'kind'],
  }),
  makeCounterProvider({
    name: metricNames.turns,
    help: 'Turns that an account served',
    labelNames: ['account'],
  }),
  makeGaugeProvider({
    name: metricNames.inFlight,
    help: 'Requests running on an account',
    labelNames: ['account'],
  }),
  makeGaugeProvider({
    name: metricNames.available,
    help: '1 when the account may serve now, else 0',
    labelNames: ['account'],
  }),
  makeGaugeProvider({
    name: metricNames.quota,
    help: "Used share of an account's quota window",
    labelNames: ['account', 'window_seconds'],
  }),
  makeGaugeProvider({
    name: metricNames.credits,
    help: 'Credit balance of an account; +Inf if unlimited, absent if unknown',
    labelNames: ['account'],
  }),
  makeGaugeProvider({
    name: metricNames.poolQuota,
    help: "Used share of the whole pool's quota",
    labelNames: ['window_seconds'],
  }),
  makeHistogramProvider({
    name: metricNames.addedBefore,
    help: 'Time the proxy adds between the whole request and its first upstream attempt',
    buckets: added,
  }),
  makeHistogramProvider({
    name: metricNames.addedAfter,
    help: 'Time the proxy adds between the head of an upstream response and its own',
    buckets: added,
  }),
  makeHistogramProvider({
    name: metricNames.firstByte,
    help: 'Time from client request to first byte of the response',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30],
  }),
  makeCounterProvider({
    name: metricNames.unreplayable,
    help: 'Requests whose body was too large to keep for another attempt',
  }),
  makeCounterProvider({
    name: metricNames.dropped,
    help: 'Rows dropped because the write-behind queue was full',
    labelNames: ['kind'],
  }),
  makeGaugeProvider({
    name: metricNames.upstreamTrouble,
    help: '1 while upstream has this problem for every account, else 0',
    labelNames: ['kind'],
  }),
  makeCounterProvider({
    name: metricNames.faults,
    help: 'Exceptions inside the proxy, by the place where they were caught',
    labelNames: ['where'],
  }),
];

/** All of the program's metrics. Global, so that no module imports another for a metric. */
@Global()
@Module({
  imports: [PrometheusModule.register({ path: '/metrics', defaultMetrics: { enabled: true } })],
  providers,
  exports: providers,
})
export class MetricsModule {}
