import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Whole stories of the real program; a script of their own, so that `npm test` stays short. */
const long = [
  'test/admin-import.e2e-spec.ts',
  'test/bad-answers-streams.e2e-spec.ts',
  'test/build-if-stale.e2e-spec.ts',
  'test/bytes.e2e-spec.ts',
  'test/connect.e2e-spec.ts',
  'test/demo.e2e-spec.ts',
  'test/evidence.e2e-spec.ts',
  'test/failover-table-again.e2e-spec.ts',
  'test/failover-table-full.e2e-spec.ts',
  'test/file-lock.e2e-spec.ts',
  'test/first-week-network.e2e-spec.ts',
  'test/first-week.e2e-spec.ts',
  'test/full-disk.e2e-spec.ts',
  'test/late-answer.e2e-spec.ts',
  'test/login.e2e-spec.ts',
  'test/lost-answers.e2e-spec.ts',
  'test/mounted-file.e2e-spec.ts',
  'test/pipelined-upgrade.e2e-spec.ts',
  'test/pool-folder*.e2e-spec.ts',
  'test/process-faults.e2e-spec.ts',
  'test/process.e2e-spec.ts',
  'test/regressions-proxy.e2e-spec.ts',
  'test/regressions-tokens.e2e-spec.ts',
  'test/streaming.e2e-spec.ts',
  'test/token-vault.e2e-spec.ts',
  'test/two-processes.e2e-spec.ts',
  'test/usage-*.e2e-spec.ts',
  'test/websocket-frames.e2e-spec.ts',
  'test/websocket-input.e2e-spec.ts',
  'test/websocket-pace.e2e-spec.ts',
  'test/whose-fault.e2e-spec.ts',
];

export default defineConfig({
  test: {
    // A hanging socket must fail by name, not by the runner's own end.
    testTimeout: 15_000,
    hookTimeout: 15_000,
    // Most of them wait for sockets and disks most of the time; by default one core would be left idle.
    maxWorkers: availableParallelism(),
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.spec.ts'] } },
      { extends: true, test: { name: 'e2e', include: ['test/*.e2e-spec.ts'], exclude: long } },
      { extends: true, test: { name: 'long', include: long } },
    ],
  },
});
