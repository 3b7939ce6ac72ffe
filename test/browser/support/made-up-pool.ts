import { streams } from '../../../src/fake-upstream/script/responses.js';
import { BrowserPool } from './browser-pool.js';

const HOURS = 3_600;
const WEEK = 7 * 24 * HOURS;
const accounts = [
  { name: 'home', plan: 'plus' },
  { name: 'lab', plan: 'team' },
  { name: 'spare', plan: 'plus' },
  { name: 'work', plan: 'pro' },
];
/** Session, model and project of each turn. */
const turns = [
  ['one', 'gpt-5.5', 'lighthouse'],
  ['one', 'gpt-5.5', 'lighthouse'],
  ['two', 'gpt-5.5-mini', 'garden-planner'],
  ['three', 'gpt-5.5', 'tide-tables'],
  ['two', 'gpt-5.5-mini', 'garden-planner'],
  ['one', 'gpt-5.5', 'lighthouse'],
] as const;

/** A pool as it is after a morning: one account ready, one at its limit, one paused, one that needs a login. */
export async function startMadeUpPool(): Promise<BrowserPool> {
  const pool = await BrowserPool.start(accounts, {
    prepare: (fakeUpstream) => {
      const windows = (short: number, long: number, resetsInSeconds: number) => [
        { usedPercent: short, windowSeconds: 5 * HOURS, resetsInSeconds },
        { usedPercent: long, windowSeconds: WEEK, resetsInSeconds: 4 * 24 * HOURS },
      ];
      fakeUpstream.account('work').usage(...windows(31, 22, 2 * HOURS));
      fakeUpstream.account('home').usage(...windows(100, 64, 38 * 60));
      fakeUpstream.account('lab').usage(...windows(12, 40, 3 * HOURS));
      fakeUpstream
        .account('spare')
        .usage(...windows(55, 71, 1 * HOURS))
        .revokeRefreshToken();
      for (const { name } of accounts)
        fakeUpstream
          .account(name)
          .always(streams({ usage: { input: 41_200, cached: 33_800, output: 1_130, reasoning: 420 } }));
    },
  });
  pool.fakeUpstream.account('spare').expireAccessToken();
  await pool.admin('POST', '/admin/accounts/spare/refresh');
  await pool.admin('PATCH', '/admin/accounts/lab', {
    paused: true,
    pausedUntil: Date.now() + 3 * HOURS * 1_000,
  });
  await pool.admin('POST', '/admin/accounts/home/poll');
  for (const [session, model, project] of turns)
    await pool.turn(session, project, { model, reasoning: { effort: 'high' } });
  return pool;
}
