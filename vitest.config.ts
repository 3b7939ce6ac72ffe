import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Longer scenarios with the real program. They have their own script, so that `npm test` stays short. */
const long = [
  'test/e2e/egress/{faults,proxies,real-programs,startup}.e2e-spec.ts',
  'test/e2e/failover/evidence.e2e-spec.ts',
  'test/e2e/failover/host-network.e2e-spec.ts',
  'test/e2e/failover/client-setup.e2e-spec.ts',
  'test/e2e/failover/repeated-failures.e2e-spec.ts',
  'test/e2e/failover/full-account.e2e-spec.ts',
  'test/e2e/failover/fault-attribution.e2e-spec.ts',
  'test/e2e/failover/scope-{bad-quota,bad-refusals,reported}.e2e-spec.ts',
  'test/e2e/ingress/{connect,pipelining}.e2e-spec.ts',
  'test/e2e/login/login.e2e-spec.ts',
  'test/e2e/operator/admin-import.e2e-spec.ts',
  'test/e2e/operator/build-if-stale.e2e-spec.ts',
  'test/e2e/operator/demo.e2e-spec.ts',
  'test/e2e/operator/fault-domains.e2e-spec.ts',
  'test/e2e/operator/process-faults.e2e-spec.ts',
  'test/e2e/operator/process.e2e-spec.ts',
  'test/e2e/operator/settings.e2e-spec.ts',
  'test/e2e/pool-folder/*.e2e-spec.ts',
  'test/e2e/streaming/bad-responses-streams.e2e-spec.ts',
  'test/e2e/streaming/bytes.e2e-spec.ts',
  'test/e2e/streaming/regressions-proxy.e2e-spec.ts',
  'test/e2e/streaming/streaming.e2e-spec.ts',
  'test/e2e/tokens/file-lock.e2e-spec.ts',
  'test/e2e/tokens/full-disk.e2e-spec.ts',
  'test/e2e/tokens/late-response.e2e-spec.ts',
  'test/e2e/tokens/lost-responses.e2e-spec.ts',
  'test/e2e/tokens/mounted-file.e2e-spec.ts',
  'test/e2e/tokens/regressions.e2e-spec.ts',
  'test/e2e/tokens/two-processes.e2e-spec.ts',
  'test/e2e/tokens/vault.e2e-spec.ts',
  'test/e2e/usage/{bad-input,database,fallback,ledger,local-days}.e2e-spec.ts',
  'test/e2e/websocket/{dropped,hold,sessions}.e2e-spec.ts',
  'test/e2e/websocket/input.e2e-spec.ts',
  'test/e2e/websocket/messages.e2e-spec.ts',
  'test/e2e/websocket/pace.e2e-spec.ts',
  'test/e2e/websocket/pipelined-upgrade.e2e-spec.ts',
  'test/e2e/websocket/{liveness,protocol-errors,side-sockets}.e2e-spec.ts',
  'test/e2e/operator/stop.e2e-spec.ts',
];

export default defineConfig({
  test: {
    // A hanging socket must fail its own test, not time out the whole run.
    testTimeout: 15_000,
    hookTimeout: 15_000,
    // Most tests wait for sockets and disks; the default number of workers would leave a core idle.
    maxWorkers: availableParallelism(),
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.spec.ts'] } },
      { extends: true, test: { name: 'e2e', include: ['test/e2e/**/*.e2e-spec.ts'], exclude: long } },
      { extends: true, test: { name: 'long', include: long } },
    ],
  },
});
