import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { breaches } from './judge.js';
import { Storm } from './storm.js';

const seed = Number(process.env['STORM_SEED'] ?? randomInt(2 ** 31));
const TURNS = 1_200;
/** What was learned so long before a kill is on disk: the program writes twice a second, beside other work. */
const ON_DISK_MS = 1_500;
const limited = ['a', 'b'];
/** They are renewed when the process is killed. */
const expired = ['c', 'd'];
/** Longer than a busy machine takes to start the program again. */
const LIMIT_MS = 24_000;

describe('a storm of faults with a kill -9 and a start in the middle', () => {
  let storm: Storm;
  let checkedBefore = 0;
  let limitLeftMs = 0;
  let stillLimited: readonly string[] = [];
  let attemptsBefore = 0;
  beforeAll(async () => {
    const title = `storm with a kill in the middle with STORM_SEED=${seed}, ${TURNS} turns`;
    storm = await Storm.start({ title, seed, turns: TURNS, times: { limitMs: [1_000, 2_000] } });
    const raging = storm.rage();
    await storm.until(() => storm.begun >= TURNS * 0.25);
    // A poll could tell what the program is to know by itself.
    for (const name of storm.accounts) storm.fakeUpstream.account(name).usageResponses(500, 'out of order');
    const endsAt = Date.now() + LIMIT_MS;
    for (const name of limited) storm.oracle.limit(name, LIMIT_MS);
    await storm.until(() => limited.every((it) => storm.oracle.isAtLimit(it)));
    await pause(ON_DISK_MS + 100);
    await storm.killAndStart(ON_DISK_MS, async () => {
      const { tokens } = storm.fakeUpstream;
      tokens.hold({ afterRotation: true });
      for (const name of expired) storm.fakeUpstream.account(name).expireAccessToken();
      const asked = tokens.requests.length;
      await storm.until(() => tokens.requests.length > asked);
    });
    checkedBefore = storm.judge.affinityChecks;
    attemptsBefore = storm.oracle.attempts;
    limitLeftMs = endsAt - Date.now();
    stillLimited = limited.filter((it) => storm.oracle.isAtLimit(it));
    await raging;
    await storm.end();
    process.stdout.write(`${storm.toString()}\n`);
  });
  afterAll(async () => {
    await storm[Symbol.asyncDispose]();
  });

  it('fails no turn, runs none twice, and has its sessions where they were', () => {
    expect(storm.judge.affinityChecks - checkedBefore).toBeGreaterThan(50);
    const { report } = storm;
    const others = breaches.filter((it) => it !== 'asked while out' && report.breaches.of(it) > 0);
    expect(others.flatMap((it) => report.storiesOf(it)).join('\n\n')).toBe('');
  });

  it('loses no tokens but those that were on their way to it', () => {
    // Others would have been an error after the start.
    expect(storm.lost).not.toEqual([]);
  });

  it('asks no account that was at its usage limit before the reset', () => {
    expect(limitLeftMs).toBeGreaterThan(3_000);
    expect(stillLimited).not.toEqual([]);
    expect(storm.oracle.attempts - attemptsBefore).toBeGreaterThan(100);
    expect(storm.report.storiesOf('asked while out').join('\n\n')).toBe('');
  });
});
