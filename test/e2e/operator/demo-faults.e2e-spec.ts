import { describe, expect, it } from 'vitest';
import { DemoClient } from '../../../src/demo/demo-client.js';
import { DemoPool } from '../../../src/demo/demo-pool.js';
import { DemoShow } from '../../../src/demo/demo-show.js';
import { type FaultName, faultNames } from '../../../src/demo/faults.js';
import { Stage } from '../../../src/demo/stage.js';

/** Runs the whole show in this process, without pauses; returns its text. */
async function shown(fault: FaultName): Promise<string> {
  const { signal } = new AbortController();
  let text = '';
  const write = (it: string) => {
    text += it;
    return true;
  };
  const stage = new Stage({ isTTY: false, writable: true, hasColors: () => false, write }, signal, 0);
  await using pool = await DemoPool.start({ port: 0, isVerbose: false, wordPauseMs: 4 });
  await new DemoShow(pool, new DemoClient(pool.origin, signal), stage, signal).run(fault);
  return text;
}

/** The default fault is in the spec of the demo as a program. */
const faults: readonly [FaultName, snapshot: RegExp, outcome: RegExp][] = [
  ['rate-limit', /HTTP 429, rate limited/, /served by work/],
  [
    'unauthorized',
    /home +\(again, with a refreshed token\) +HTTP 401, had its token rejected/,
    /served by work/,
  ],
  ['server-error', /home +\(again, after a fault\) +HTTP 500, upstream error/, /served by work/],
  ['overloaded', /HTTP 503, upstream overloaded/, /served by work/],
  ['edge-block', /HTTP 403, blocked at the edge of the network/, /served by work/],
  ['cut', /These words had been sent when the \n.+cut off here/, /served by home/],
  ['slow', /Slow is not broken/, /served by home/],
];

describe('the demo', () => {
  it.each(faults)(
    'shows the fault %s of the first account, and then the pool afterwards',
    async (fault, snapshot, outcome) => {
      const text = await shown(fault);
      const [step = ''] = /^3\. [^]*?(?=^4\. )/m.exec(text) ?? [];
      expect(step).toMatch(snapshot);
      expect(step).toMatch(outcome);
      expect(text).toMatch(/^6\. The pool afterwards/m);
    },
  );

  it('has no other fault', () => {
    expect(faultNames.toSorted()).toEqual(['usage-limit', ...faults.map(([it]) => it)].toSorted());
  });
});
