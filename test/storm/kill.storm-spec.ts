import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { breaches } from './judge.js';
import { Storm } from './storm.js';

const seed = Number(process.env['STORM_SEED'] ?? randomInt(2 ** 31));
const TURNS = 2_400;
/** One that the program knows of is enough: another may be out for a reason of its own, and is not asked then. */
const limited = ['a', 'b', 'e'];
/** Their refreshes are under way when the process is killed. */
const expired = ['c', 'd'];
/** Longer than a busy machine takes to restart the program. */
const LIMIT_MS = 24_000;

describe('a storm of faults with a SIGKILL and a restart in the middle', () => {
  let storm: Storm;
  let checkedBefore = 0;
  let limitLeftMs = 0;
  let stillLimited: readonly string[] = [];
  let attemptsBefore = 0;
  beforeAll(async () => {
    const title = `storm with a kill in the middle with STORM_SEED=${seed}, ${TURNS} turns`;
    storm = await Storm.start({ title, seed, turns: TURNS, times: { limitMs: [1_000, 2_000] } });
    const running = storm.run();
    await storm.until(() => storm.startedTurns >= TURNS * 0.25);
    // Reports of quota could reveal facts that the program must have kept on disk.
    storm.upstream.hideQuota(storm.accounts);
    const endsAt = Date.now() + LIMIT_MS;
    for (const name of limited) storm.upstream.limit(name, LIMIT_MS);
    await storm.until(() => limited.some((it) => storm.upstream.isAtLimit(it)));
    await storm.killAndRestart(async () => {
      const { tokens } = storm.fakeUpstream;
      tokens.hold({ afterRotation: true });
      for (const name of expired) storm.fakeUpstream.account(name).expireAccessToken();
      const before = tokens.requests.length;
      await storm.until(() => tokens.requests.length > before);
    });
    checkedBefore = storm.judge.affinityChecks;
    attemptsBefore = storm.upstream.attempts;
    limitLeftMs = endsAt - Date.now();
    stillLimited = limited.filter((it) => storm.upstream.isAtLimit(it));
    await running;
    await storm.finish();
    process.stdout.write(`${storm.toString()}\n`);
  });
  afterAll(async () => {
    await storm[Symbol.asyncDispose]();
  });

  it('fails no turn, runs none twice, and keeps sessions on their accounts', () => {
    expect(storm.judge.affinityChecks - checkedBefore).toBeGreaterThan(50);
    const { report } = storm;
    const others = breaches.filter(
      (it) => it !== 'used an unavailable account' && report.breaches.of(it) > 0,
    );
    expect(others.flatMap((it) => report.detailsOf(it)).join('\n\n')).toBe('');
  });

  it('loses only the tokens that were in flight', () => {
    // Any other loss would have failed the restart.
    expect(storm.lostLogins).not.toEqual([]);
  });

  it('uses no account at its usage limit before the reset', () => {
    expect(limitLeftMs).toBeGreaterThan(3_000);
    expect(stillLimited).not.toEqual([]);
    expect(storm.upstream.attempts - attemptsBefore).toBeGreaterThan(100);
    expect(storm.report.detailsOf('used an unavailable account').join('\n\n')).toBe('');
  });
});
