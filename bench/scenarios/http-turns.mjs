import { percentile } from '../statistics.mjs';
import { addedP50, addedP99, cpuPer, firstByteP50, firstByteP99 } from './metrics.mjs';

const LANES = 4;

/**
 * Turns over HTTP: one after another for the first byte, then in lanes for CPU time. `kind` names the request
 * (`turn/request.mjs`), `shape` the response (`upstream/turn-responses.mjs`). `pages` of codex-pool are open meanwhile.
 */
function httpTurns({
  id,
  title,
  kind,
  shape,
  what = 'turn',
  sizes,
  lanes = LANES,
  isChecked = false,
  pages = 0,
  ...rest
}) {
  return {
    id,
    title,
    metrics: [cpuPer(what), firstByteP50, firstByteP99, addedP50, addedP99],
    ...rest,
    sizes,
    async measure(target, { latencyTurns, cpuTurns }) {
      const hasPages = pages > 0 && target.name === 'codex-pool';
      if (hasPages) await target.load('openPages', { count: pages });
      if (isChecked) await target.load('checkBytes', { kind });
      const { firstBytes } = await target.load('runTurns', { kind, shape, count: latencyTurns, lanes: 1 });
      const { result, cpuMs } = await target.costOf(() =>
        target.load('runTurns', { kind, shape, count: cpuTurns, lanes }),
      );
      if (hasPages) await target.load('closePages');
      return {
        cpu: cpuMs / result.count,
        p50: percentile(firstBytes, 0.5),
        p99: percentile(firstBytes, 0.99),
      };
    },
  };
}

const turns = {
  full: { latencyTurns: 300, cpuTurns: 1_500 },
  quick: { latencyTurns: 80, cpuTurns: 200 },
};
const few = {
  title: '43 KB up, 90 KB down in few reads, with a length',
  kind: 'turn',
  shape: 'few',
  sizes: turns,
};
const chunks = { title: '43 KB up, 90 KB down in 354 chunks', kind: 'turn', shape: 'chunks', sizes: turns };
const overTls = (scenario) => ({ ...scenario, title: `${scenario.title}; upstream over TLS` });
const untilUploaded = [cpuPer('turn'), firstByteP50, addedP50];

export const fewReads = httpTurns({ id: 'few', ...few });
export const manyChunks = httpTurns({ id: 'chunks', ...chunks });
export const fewReadsOverTls = httpTurns({ id: 'tlsFew', world: 'tls', ...overTls(few) });
export const manyChunksOverTls = httpTurns({
  id: 'tlsChunks',
  world: 'tls',
  isFullOnly: true,
  ...overTls(chunks),
});

export const fewReadsAfterYear = httpTurns({
  id: 'year',
  world: 'year',
  isFullOnly: true,
  ...few,
  title: '43 KB up, 90 KB down in few reads; a year of records in the database',
});

export const fewReadsWithPages = httpTurns({
  id: 'pages',
  ...few,
  title: '43 KB up, 90 KB down in few reads; five pages of the operator open',
  pages: 5,
});

export const largeRequests = httpTurns({
  id: 'large',
  title: '400 KB up, 2 KB down',
  kind: 'large',
  shape: 'short',
  sizes: { full: { latencyTurns: 100, cpuTurns: 200 }, quick: { latencyTurns: 40, cpuTurns: 100 } },
  metrics: untilUploaded,
});

export const tinyRequests = httpTurns({
  id: 'tiny',
  title: '0.3 KB up, 2 KB down',
  kind: 'tiny',
  shape: 'short',
  sizes: { full: { latencyTurns: 300, cpuTurns: 1_000 }, quick: { latencyTurns: 80, cpuTurns: 300 } },
  metrics: untilUploaded,
});

export const hugeRequests = httpTurns({
  id: 'huge',
  title: '16 MB up, 2 KB down',
  kind: 'huge',
  shape: 'short',
  sizes: { full: { latencyTurns: 5, cpuTurns: 6 }, quick: { latencyTurns: 3, cpuTurns: 4 } },
  lanes: 2,
  metrics: untilUploaded,
  isChecked: true,
});

export const zstdRequests = httpTurns({
  id: 'zstd',
  title: '400 KB up, compressed with zstd, 2 KB down',
  kind: 'zstd',
  shape: 'short',
  sizes: { full: { latencyTurns: 100, cpuTurns: 200 }, quick: { latencyTurns: 40, cpuTurns: 100 } },
  metrics: untilUploaded,
  isChecked: true,
});
