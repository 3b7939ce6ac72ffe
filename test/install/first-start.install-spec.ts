import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { Talk } from '../support/program/usage-program.js';
import { Newcomer } from './clean-install.js';

/** Limit of the first start, including compilation. Generous, since the machine may be busy. */
const SECOND_START_RATIO = 0.5;

/** With a compiler, .ci/run does the same in its fresh clone. */
const newcomers = [
  { title: 'npm 12 and no compiler or Python on the PATH', npm: '12', options: [], isBare: true },
];

describe('from an empty home and an empty npm cache, `npm install && npm start`', () => {
  it.each(newcomers)(
    'with $title starts, serves a turn and records its usage',
    async ({ title, npm, options, isBare }) => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
      await using newcomer = await Newcomer.arrive(npm, { isBare });
      const said = await newcomer.install(...options);
      expect(said).not.toMatch(/unknown .*config/i);
      await newcomer.addAccount(fakeUpstream, 'a');

      const first = await newcomer.start(fakeUpstream);
      const talk = new Talk(first.origin);
      expect((await talk.turn()).status).toBe(200);
      await talk.untilRecorded(1);
      const { totals } = await talk.json('/admin/usage');
      expect(totals.input).toBeGreaterThan(0);
      expect(totals.output).toBeGreaterThan(0);
      await first.child.stop();

      const second = await newcomer.start(fakeUpstream);
      expect(second.child.stdout + second.child.stderr).not.toContain('Building codex-pool');
      expect((await new Talk(second.origin).json('/admin/usage')).totals).toEqual(totals);
      expect(second.ms / first.ms).toBeLessThan(SECOND_START_RATIO);
      process.stdout.write(
        `${title}: first start ${Math.round(first.ms)} ms, second ${Math.round(second.ms)} ms\n`,
      );
    },
  );
});
