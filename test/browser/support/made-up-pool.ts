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
const message = 'Here is the plan for the next step of this made-up project. '.match(/\S+ /g) ?? [];
/** Session, project and model of each turn. */
const turns = [
  ['one', 'lighthouse', 'gpt-5.5'],
  ['two', 'garden-planner', 'gpt-5.5-mini'],
  ['one', 'lighthouse', 'gpt-5.5'],
  ['three', 'tide-tables', 'gpt-5.5'],
] as const;

/** A pool as it is after a morning: one account ready, one at its limit, one paused, one that needs a login. */
export async function startMadeUpPool(): Promise<BrowserPool> {
  const pool = await BrowserPool.start(accounts, {
    prepare: (fakeUpstream) => {
      const uses = (name: string, short: number, long: number, resetsInSeconds: number) =>
        fakeUpstream
          .account(name)
          .usage(
            { usedPercent: short, windowSeconds: 5 * HOURS, resetsInSeconds },
            { usedPercent: long, windowSeconds: WEEK, resetsInSeconds: 4 * 24 * HOURS },
          )
          .always(
            streams({
              deltas: message,
              pauseBetweenMs: 20,
              usage: { input: 41_200, cached: 33_800, output: 1_130, reasoning: 420 },
            }),
          );
      uses('home', 100, 64, 38 * 60);
      uses('lab', 12, 40, 3 * HOURS);
      uses('spare', 55, 71, 1 * HOURS);
      uses('work', 31, 22, 2 * HOURS);
    },
  });
  for (const { name } of accounts) await pool.admin('POST', `/admin/accounts/${name}/poll`);
  const threeHours = Date.now() + 3 * HOURS * 1_000;
  await pool.admin('PATCH', '/admin/accounts/lab', { paused: true, pausedUntil: threeHours });
  await pool.admin('PATCH', '/admin/accounts/work', { paused: true });
  await pool.turn('four', 'star-charts', { model: 'gpt-5.5' });
  await pool.admin('PATCH', '/admin/accounts/work', { paused: false });
  for (const [session, project, model] of turns)
    await pool.turn(session, project, { model, reasoning: { effort: 'high' } });
  pool.fakeUpstream.account('spare').revokeRefreshToken().expireAccessToken();
  await pool.turn('four', 'star-charts', { model: 'gpt-5.5' });
  return pool;
}
