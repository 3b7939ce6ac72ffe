import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Longer scenarios with the real program. They have their own script, so that `npm test` stays short. */
const long = [
  'test/e2e/cli/*.e2e-spec.ts',
  'test/e2e/egress/{authorities,faults,proxies,real-programs,startup}.e2e-spec.ts',
  'test/e2e/failover/{account-check,client-setup,compaction,cross-account-content,evidence,failed-late,fault-attribution}.e2e-spec.ts',
  'test/e2e/failover/{full-account,host-network,pinning,repeated-failures,scope-bad-quota,scope-bad-refusals,scope-reported,silent-connections}.e2e-spec.ts',
  'test/e2e/ingress/{bad-requests,connect,models,pipelining,routes,slow-bodies}.e2e-spec.ts',
  'test/e2e/login/login.e2e-spec.ts',
  'test/e2e/operations/{nginx-and-caddy,prometheus}.e2e-spec.ts',
  'test/e2e/operator/{account-names,admin-import,build-if-stale,bundle,debug-log,demo,demo-faults,disk-problems,doctor,events,fault-domains,folder-problems,large-pool,log-format,page,page-build,permissions,process,process-faults,sessions,settings,stop,stored-changes}.e2e-spec.ts',
  'test/e2e/pool-folder/*.e2e-spec.ts',
  'test/e2e/streaming/{bad-responses-streams,bytes,hang-up,regressions-proxy,streaming}.e2e-spec.ts',
  'test/e2e/tokens/{broken-file,credential-file,deleted-journal,file-lock,full-disk,late-response,lost-responses,mounted-file,network-back,regressions,stop}.e2e-spec.ts',
  'test/e2e/tokens/{two-processes,vault,wrong-clock}.e2e-spec.ts',
  'test/e2e/usage/{bad-input,database,fallback,free-space,ledger,local-days,reports,retention}.e2e-spec.ts',
  'test/e2e/websocket/{dropped,hold,input,liveness,messages,pace,pipelined-upgrade,protocol-errors,rejected-tokens,sessions,side-sockets,turns}.e2e-spec.ts',
];
/** Measures a database of a year, with aims in ms; has a script of its own for a quiet machine. */
const year = 'test/e2e/usage/year.e2e-spec.ts';

export default defineConfig({
  test: {
    // A hanging socket must fail its own test, not time out the whole run.
    testTimeout: 15_000,
    hookTimeout: 15_000,
    // Most tests wait for sockets and disks; the default number of workers would leave a core idle.
    maxWorkers: availableParallelism(),
    projects: [
      // Files share a worker and its modules, since to load them takes a quarter of the time.
      { extends: true, test: { name: 'unit', include: ['src/**/*.spec.ts'], isolate: false } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.e2e-spec.ts'],
          exclude: [...long, year],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'long', include: long } },
      { extends: true, test: { name: 'year', include: [year] } },
    ],
  },
});
