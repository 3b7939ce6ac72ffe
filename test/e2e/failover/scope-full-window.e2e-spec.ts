import { describe, expect, it } from 'vitest';
import { spark, SPARK_MODEL } from '../../../src/fake-upstream/script/meter.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { created, delta, failed, messageAdded } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, HOUR, MINUTE, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool, type TestPoolOptions } from '../../support/pool/pool.js';
import { standing, startRanked } from '../../support/pool/ranked-accounts.js';
import { asking, inSession, type Served, turn } from '../../support/pool/scope.js';

const OTHER_MODEL = 'gpt-5.5';
const at = (usedPercent: number) => ({ usedPercent, windowSeconds: 18_000, resetsInSeconds: 7_200 });
const full = {
  'x-codex-primary-used-percent': '100',
  'x-codex-primary-window-minutes': '300',
  'x-codex-primary-reset-after-seconds': '7200',
};
const served = { asked: ['a'], response: { status: 200 } };

/** Starts a pool of `a` alone, whose turns report its quota in their headers. */
async function startReporting(clock: FakeClock, prepare?: TestPoolOptions['prepare']): Promise<TestPool> {
  const pool = await TestPool.start({
    clock,
    accounts: ['a'],
    ...(prepare === undefined ? {} : { prepare }),
  });
  await polled(pool);
  return pool;
}

/** Restarts the program while every poll fails, and sends a turn. */
async function turnAfterRestart(pool: TestPool): Promise<Served> {
  pool.fakeUpstream.account('a').usageResponses(500, 'out of order');
  const next = await pool.restart();
  try {
    return await turn(next);
  } finally {
    await next.running.stop();
  }
}

describe('an account that a poll allows at 100 %', () => {
  it('stays in when a turn on a meter reports the full general window', async () => {
    const clock = new FakeClock();
    await using pool = await startReporting(
      clock,
      (it) => void it.account('a').usage(at(100)).allows(true).meters(spark(10)),
    );
    for (const model of [OTHER_MODEL, SPARK_MODEL, OTHER_MODEL]) {
      expect(await turn(pool, asking(model))).toMatchObject(served);
      clock.advance(SECOND);
    }
  });

  it('stays in when a turn that was refused for its content reports the full window', async () => {
    const clock = new FakeClock();
    await using pool = await startReporting(clock, (it) => void it.account('a').usage(at(100)).allows(true));
    clock.advance(SECOND);
    pool.fakeUpstream.account('a').answers(refuses(400, { error: { code: 'bad', message: 'no' } }, full));
    expect((await turn(pool)).response.status).toBe(400);
    expect(await turn(pool)).toMatchObject(served);
  });

  it('serves after a restart, too, while polls fail', async () => {
    const clock = new FakeClock();
    await using pool = await startReporting(clock, (it) => void it.account('a').usage(at(100)).allows(true));
    clock.advance(SECOND);
    expect(await turnAfterRestart(pool)).toMatchObject(served);
  });

  it('serves the next turn of a session whose own account has failed late', async () => {
    await using pool = await startRanked({
      clock: new FakeClock(),
      prepare: (it) => void it.account('a').usage(at(100)).allows(true),
    });
    const events = [created(), messageAdded(), delta('x'), failed('server_is_overloaded')];
    pool.fakeUpstream.account('b').answers(streams({ events }));
    const headers = inSession('late');
    expect((await turn(pool, { headers })).asked).toEqual(['b']);
    expect((await turn(pool, { headers })).asked).toEqual(['a']);
  });
});

describe('an account that has served a turn at 100 %', () => {
  it('serves after a restart, too, while polls fail', async () => {
    const clock = new FakeClock();
    await using pool = await startReporting(clock);
    expect(await turn(pool)).toMatchObject(served);
    clock.advance(SECOND);
    pool.fakeUpstream.account('a').usage(at(100));
    expect(await turn(pool)).toMatchObject(served);
    expect(await turnAfterRestart(pool)).toMatchObject(served);
  });

  it('stays in when a poll that was asked before the turn says “not allowed” after it', async () => {
    const clock = new FakeClock();
    await using pool = await startReporting(clock);
    const [asked, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    pool.fakeUpstream.on('GET', '/backend-api/wham/usage', async (_req, res) => {
      asked.resolve();
      await goOn.promise;
      const primary_window = { used_percent: 100, limit_window_seconds: 18_000, reset_after_seconds: 7_200 };
      const rate_limit = { allowed: false, limit_reached: true, primary_window, secondary_window: null };
      const body = JSON.stringify({ plan_type: 'plus', rate_limit });
      res.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    const poll = pool.client.post('/admin/accounts/a/poll').then(({ status }) => status);
    await asked.promise;
    clock.advance(SECOND);
    expect(await turn(pool)).toMatchObject(served);
    clock.advance(SECOND);
    goOn.resolve();
    expect(await poll).toBe(200);
    expect(await turn(pool)).toMatchObject(served);
  });
});

describe('an account that a poll does not allow', () => {
  it('stays out after a turn on a meter with room', async () => {
    const clock = new FakeClock();
    await using pool = await startReporting(
      clock,
      (it) => void it.account('a').usage(at(60)).allows(false).meters(spark(10)),
    );
    clock.advance(SECOND);
    expect(await turn(pool, asking(SPARK_MODEL))).toMatchObject(served);
    clock.advance(SECOND);
    expect(await turn(pool, asking(OTHER_MODEL))).toMatchObject({ asked: [], response: { status: 429 } });
  });

  it('is shown with the time when it comes back', async () => {
    const clock = new FakeClock();
    await using pool = await startReporting(clock, (it) => void it.account('a').usage(at(60)).allows(false));
    const { reason, until } = await standing(pool, 'a');
    expect(reason).toBe('quota-exhausted');
    expect(until).toBeGreaterThan(clock.now());
  });

  it('comes back at the reset of the full window, though a longer one is half used and polls fail', async () => {
    const clock = new FakeClock();
    await using pool = await startReporting(clock, (it) => {
      const week = { usedPercent: 60, windowSeconds: 604_800, resetsInSeconds: 400_000 };
      it.account('a').usage({ ...at(100), resetsInSeconds: 3_600 }, week);
    });
    const { reason, until } = await standing(pool, 'a');
    expect(reason).toBe('quota-exhausted');
    expect(until).toBeLessThan(clock.now() + HOUR + MINUTE);
    pool.fakeUpstream.account('a').usageResponses(500, 'out of order');
    clock.advance(HOUR + MINUTE);
    expect(await turn(pool)).toMatchObject(served);
  });

  it('comes back with a poll that allows it, even if the clock has been set back since', async () => {
    const clock = new FakeClock();
    await using pool = await startReporting(clock);
    clock.advance(24 * HOUR);
    pool.fakeUpstream.account('a').answers(usageLimit({ resetsInSeconds: 3_600 }));
    expect((await turn(pool)).response.status).toBe(429);
    clock.advance(SECOND - 24 * HOUR);
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(await turn(pool)).toMatchObject(served);
  });
});
