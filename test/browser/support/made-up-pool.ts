import type { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { join } from 'node:path';
import { identityOf, parseCredential } from '../../../src/tokens/credential-file/credential.js';
import { BrowserPool } from './browser-pool.js';
import { afternoonZone, type UsedAccount, writeWeekOfUsage } from './week-of-usage.js';

const HOURS = 3_600;
const WEEK = 7 * 24 * HOURS;
const accounts = [
  { name: 'home', plan: 'plus' },
  { name: 'lab', plan: 'team' },
  { name: 'spare', plan: 'plus' },
  { name: 'work', plan: 'pro' },
];
const message = 'Here is the plan for the next step of this made-up project. '.match(/\S+ /g) ?? [];
/** Session, project, model and effort of each turn, and its tokens in and out. */
const turns = [
  ['one', 'lighthouse', 'gpt-5.5', 'high', 41_200, 1_130],
  ['two', 'garden-planner', 'gpt-5.5-mini', 'medium', 12_400, 420],
  ['one', 'lighthouse', 'gpt-5.5', 'high', 44_900, 760],
  ['three', 'tide-tables', 'gpt-5.5', 'high', 23_700, 1_880],
  ['one', 'lighthouse', 'gpt-5.5', 'high', 46_300, 350],
  ['two', 'garden-planner', 'gpt-5.5-mini', 'medium', 14_100, 930],
  ['three', 'tide-tables', 'gpt-5.5', 'high', 27_200, 610],
  ['one', 'lighthouse', 'gpt-5.5', 'high', 51_800, 2_240],
] as const;

/** Responses of all accounts to the next turns. */
function respond(fakeUpstream: FakeUpstream, input: number, output: number): void {
  const usage = {
    input,
    cached: Math.round(input * 0.82),
    output,
    reasoning: Math.round(output * 0.37),
  };
  const response = streams({ deltas: message, pauseBetweenMs: 20, usage });
  for (const { name } of accounts) fakeUpstream.account(name).always(response);
}

/** The accounts by their identities in the database. */
function usedAccounts(pool: BrowserPool): [UsedAccount, ...UsedAccount[]] {
  const used = (name: string, share: number): UsedAccount => {
    const parsed = parseCredential(JSON.stringify(pool.fakeUpstream.account(name).authJson()));
    if (parsed.kind === 'broken') throw new Error(parsed.reason);
    return { id: identityOf(name, parsed.credential), share };
  };
  return [used('work', 0.45), used('home', 0.3), used('spare', 0.15), used('lab', 0.1)];
}

/** The made-up pool, and the zone in which it is the afternoon there. */
export interface MadeUpPool {
  readonly pool: BrowserPool;
  readonly zone: string;
}

/**
 * A pool after a week and a morning of work: one account ready, one at its limit, one paused, one that needs a login.
 */
export async function startMadeUpPool(): Promise<MadeUpPool> {
  const now = Date.now();
  const { zone, hour } = afternoonZone(now);
  const pool = await BrowserPool.start(accounts, {
    settings: { TZ: zone },
    prepare: (fakeUpstream) => {
      const uses = (name: string, short: number, long: number, resetsInSeconds: number) =>
        fakeUpstream
          .account(name)
          .usage(
            { usedPercent: short, windowSeconds: 5 * HOURS, resetsInSeconds },
            { usedPercent: long, windowSeconds: WEEK, resetsInSeconds: 4 * 24 * HOURS },
          );
      uses('home', 100, 64, 38 * 60);
      uses('lab', 12, 40, 3 * HOURS);
      uses('spare', 55, 71, 1 * HOURS);
      uses('work', 31, 22, 2 * HOURS);
    },
  });
  await pool.stop();
  await writeWeekOfUsage(join(pool.folder, 'data', 'proxy.db'), usedAccounts(pool), now, hour);
  await pool.startAgain();
  for (const { name } of accounts) await pool.admin('POST', `/admin/accounts/${name}/poll`);
  const threeHours = Date.now() + 3 * HOURS * 1_000;
  await pool.admin('PATCH', '/admin/accounts/lab', { paused: true, pausedUntil: threeHours });
  await pool.admin('PATCH', '/admin/accounts/work', { paused: true });
  respond(pool.fakeUpstream, 18_600, 540);
  await pool.turn('four', 'star-charts', { model: 'gpt-5.5' });
  await pool.admin('PATCH', '/admin/accounts/work', { paused: false });
  for (const [session, project, model, effort, input, output] of turns) {
    respond(pool.fakeUpstream, input, output);
    await pool.turn(session, project, { model, reasoning: { effort } });
  }
  respond(pool.fakeUpstream, 19_800, 870);
  pool.fakeUpstream.account('spare').revokeRefreshToken().expireAccessToken();
  await pool.turn('four', 'star-charts', { model: 'gpt-5.5' });
  return { pool, zone };
}
