import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { spark, SPARK_MODEL } from '../../../src/fake-upstream/script/meter.js';
import {
  type MeterPlace,
  usageLimit,
  usageLimitFirst,
  type UsageLimitOptions,
} from '../../../src/fake-upstream/script/refusals.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { created, delta, failed, messageAdded } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, HOUR, SECOND } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import {
  expectTurnOf,
  servesAs,
  standing,
  startRanked,
  isServedBy,
} from '../../support/pool/ranked-accounts.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';
import {
  asking,
  errorIn,
  everyone,
  expectAllFree,
  inSession,
  refusing,
  startOver,
  turn,
} from '../../support/pool/scope.js';

const OTHER_MODEL = 'gpt-5.5';
const full = { usedPercent: 100, windowSeconds: 18_000, resetsInSeconds: 7_200 };
const roomy = { usedPercent: 10, windowSeconds: 18_000 };

// One pool for the tests that leave no trace on it; account evidence is cleared after each.
const clock = new FakeClock(Math.ceil(Date.now() / SECOND) * SECOND);
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock });
});
afterEach(async () => startOver(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

/** Polls every account, later than anything that is known. */
async function polledAgain(own: TestPool, time: FakeClock): Promise<void> {
  time.advance(1);
  for (const { name } of own.registry.list())
    await own.client.post(`/admin/accounts/${name}/poll`).expect(200);
}

describe('the limit of a meter', () => {
  const wireName = 'codex_bengalfox';
  const label = 'GPT-5.3-Codex-Spark';
  it.each<[string, string, MeterPlace, (options: UsageLimitOptions) => ScriptedResponse]>([
    ['429', wireName, 'header', usageLimit],
    ['429', wireName, 'limit_name', usageLimit],
    ['429', wireName, 'metered_limit_name', usageLimit],
    ['429', label, 'limit_name', usageLimit],
    ['first event', wireName, 'header', usageLimitFirst],
    ['first event', wireName, 'limit_name', usageLimitFirst],
    ['first event', wireName, 'metered_limit_name', usageLimitFirst],
    ['first event', label, 'limit_name', usageLimitFirst],
    ['429', 'codex_made_up', 'header', usageLimit],
    ['first event', 'codex_made_up', 'metered_limit_name', usageLimitFirst],
  ])(
    'takes no account out if every account reports it: %s, %s in %s',
    async (_as, meter, meterIn, refusal) => {
      const resetsAt = Math.floor(clock.now() / SECOND) + 3_600;
      everyone(pool, refusing(SPARK_MODEL, refusal({ meter, meterIn, resetsAt })));
      const { response, asked } = await turn(pool, asking(SPARK_MODEL));
      expect(asked).toEqual(['a', 'b']);
      expect(response.status).toBe(429);
      expect(errorIn(response)).toMatchObject({ type: 'usage_limit_reached', resets_at: resetsAt });
      await expectAllFree(pool);
      expect(await isServedBy(pool, 'a', asking(OTHER_MODEL))).toEqual(['a']);
      const again = await turn(pool, asking(SPARK_MODEL));
      expect(again).toMatchObject({ response: { status: 429 }, asked: [] });
      everyone(pool, servesAs);
      clock.advance(HOUR);
      expect(await isServedBy(pool, 'a', asking(SPARK_MODEL))).toEqual(['a']);
    },
  );

  it('on one account moves only turns that count on it', async () => {
    pool.fakeUpstream
      .account('a')
      .always(refusing(SPARK_MODEL, usageLimit({ meter: 'codex_bengalfox' }))('a'));
    const { response, asked } = await turn(pool, asking(SPARK_MODEL));
    expectTurnOf('b', response);
    expect(asked).toEqual(['a', 'b']);
    expect(await isServedBy(pool, 'b', asking(SPARK_MODEL))).toEqual(['b']);
    expect(await isServedBy(pool, 'a', asking(OTHER_MODEL))).toEqual(['a']);
  });

  it('is remembered although other accounts count the model on it, too', async () => {
    await using own = await startRanked({
      clock: new FakeClock(),
      prepare: (it) => void ['a', 'b'].map((name) => it.account(name).meters(spark(10))),
    });
    own.fakeUpstream
      .account('a')
      .always(refusing(SPARK_MODEL, usageLimit({ meter: 'codex_bengalfox' }))('a'));
    expect(await isServedBy(own, 'b', asking(SPARK_MODEL))).toEqual(['a', 'b']);
    expect(await isServedBy(own, 'b', asking(SPARK_MODEL))).toEqual(['b']);
    expect(await isServedBy(own, 'a', asking(OTHER_MODEL))).toEqual(['a']);
  });

  it('leaves a session with another model where it is', async () => {
    expect(await isServedBy(pool, 'a', asking(OTHER_MODEL, inSession('meters-1')))).toEqual(['a']);
    everyone(pool, refusing(SPARK_MODEL, usageLimit({ meter: 'codex_bengalfox' })));
    await turn(pool, asking(SPARK_MODEL, inSession('meters-2')));
    expect(await isServedBy(pool, 'a', asking(OTHER_MODEL, inSession('meters-1')))).toEqual(['a']);
  });

  it('is passed on after output, and then moves only turns that count on it', async () => {
    const late = failed('usage_limit_reached', 'no', { metered_limit_name: 'codex_bengalfox' });
    pool.fakeUpstream
      .account('a')
      .answers(streams({ events: [created(), messageAdded(), delta('x'), late] }));
    const { response } = await turn(pool, asking(SPARK_MODEL, inSession('meters-late')));
    expect(response.body.toString()).toContain('codex_bengalfox');
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'b', asking(SPARK_MODEL, inSession('meters-late')))).toEqual(['b']);
    expect(await isServedBy(pool, 'a', asking(OTHER_MODEL))).toEqual(['a']);
  });

  it('is the general limit if its meter is called codex', async () => {
    pool.fakeUpstream.account('a').answers(usageLimit({ meter: 'codex', resetsInSeconds: 60 }));
    const { response } = await turn(pool, asking(OTHER_MODEL));
    expectTurnOf('b', response);
    expect(await standing(pool, 'a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
  });

  it('is not inferred from another meter’s report', async () => {
    const headers = { 'x-codex-bengalfox-primary-used-percent': '100' };
    const windows = { 'x-codex-bengalfox-primary-window-minutes': '300' };
    pool.fakeUpstream.account('a').answers(streams({ headers: { ...headers, ...windows } }));
    expect((await turn(pool, asking(OTHER_MODEL))).response.status).toBe(200);
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'a', asking(OTHER_MODEL))).toEqual(['a']);
  });

  it('is ended by a later poll that finds room on it, and by no other', async () => {
    const time = new FakeClock();
    await using own = await startRanked({ clock: time, accounts: ['a'] });
    const account = own.fakeUpstream.account('a');
    account.answers(usageLimit({ meter: 'codex_bengalfox' })).meters(spark(100));
    expect((await turn(own, asking(SPARK_MODEL))).response.status).toBe(429);
    await polledAgain(own, time);
    expect(await turn(own, asking(SPARK_MODEL))).toMatchObject({ response: { status: 429 }, asked: [] });
    account.meters(spark(20));
    await polledAgain(own, time);
    expect(await isServedBy(own, 'a', asking(SPARK_MODEL))).toEqual(['a']);
  });

  it('outlives a restart', async () => {
    const time = new FakeClock();
    await using own = await startRanked({ clock: time });
    everyone(own, refusing(SPARK_MODEL, usageLimit({ meter: 'codex_bengalfox' })));
    await turn(own, asking(SPARK_MODEL));
    for (const it of ['a', 'b']) own.fakeUpstream.account(it).usageResponses(500, 'out of order');
    const next = await own.restart();
    try {
      expect(await turn(next, asking(SPARK_MODEL))).toMatchObject({ response: { status: 429 }, asked: [] });
      await expectAllFree(next);
      expect(await isServedBy(next, 'a', asking(OTHER_MODEL))).toEqual(['a']);
    } finally {
      await next.running.stop();
    }
  });
});

describe('a meter in a poll', () => {
  it('serves its model while it has room and the general quota is spent', async () => {
    const time = new FakeClock();
    await using own = await startRanked({
      clock: time,
      prepare: (it) => void ['a', 'b'].map((name) => it.account(name).usage(full).meters(spark(10))),
    });
    expect(await turn(own, asking(OTHER_MODEL))).toMatchObject({ response: { status: 429 }, asked: [] });
    expect(await isServedBy(own, 'a', asking(SPARK_MODEL))).toEqual(['a']);
  });

  it('with room serves its model over a WebSocket, too, handshake included', async () => {
    await using own = await startRanked({
      clock: new FakeClock(),
      prepare: (it) => void ['a', 'b'].map((name) => it.account(name).usage(full).meters(spark(10))),
    });
    for (const name of ['a', 'b']) own.fakeUpstream.account(name).always(streams());
    const metadata = JSON.stringify({ session_id: 'spark', request_kind: 'prewarm', model: SPARK_MODEL });
    const headers = { 'x-codex-turn-metadata': metadata };
    await using socket = await SocketClient.connect(own.origin, { session: 'spark', headers });
    const messages = await socket.turn({ model: SPARK_MODEL });
    expect(messages.map((it) => typeOf(it))).toContain('response.completed');
    expect(own.fakeUpstream.sockets.attempts()).toEqual(['a']);
  });

  it.each([
    ['at 100 %', spark(100)],
    ['at 60 % that is not allowed', spark(60, { allowed: false })],
  ])('keeps only its model away: %s', async (_case, meter) => {
    await using own = await startRanked({
      clock: new FakeClock(),
      prepare: (it) => void ['a', 'b'].map((name) => it.account(name).usage(roomy).meters(meter)),
    });
    expect(await turn(own, asking(SPARK_MODEL))).toMatchObject({ response: { status: 429 }, asked: [] });
    await expectAllFree(own);
    expect(await isServedBy(own, 'a', asking(OTHER_MODEL))).toEqual(['a']);
  });

  it('serves its model at 100 % if that is allowed', async () => {
    await using own = await startRanked({
      accounts: ['a'],
      clock: new FakeClock(),
      prepare: (it) => void it.account('a').meters(spark(100, { allowed: true })),
    });
    expect(await isServedBy(own, 'a', asking(SPARK_MODEL))).toEqual(['a']);
  });

  it('leaves its normal_model_slug to the general quota when it is at 100 %', async () => {
    await using own = await startRanked({
      clock: new FakeClock(),
      prepare: (it) => void ['a', 'b'].map((name) => it.account(name).meters(spark(100))),
    });
    expect(await isServedBy(own, 'a', asking('gpt-5.3-codex'))).toEqual(['a']);
    expect(await turn(own, asking(SPARK_MODEL))).toMatchObject({ asked: [], response: { status: 429 } });
  });

  it('serves its normal_model_slug while it has room and the general quota is spent', async () => {
    const meter = spark(10, { limitName: 'Made-up limit', feature: 'codex_made_up', modelSlug: 'gpt-9' });
    await using own = await startRanked({
      accounts: ['a'],
      clock: new FakeClock(),
      prepare: (it) => void it.account('a').usage(full).meters(meter),
    });
    expect(await isServedBy(own, 'a', asking('gpt-9'))).toEqual(['a']);
  });

  it('is known after a restart, before the first poll', async () => {
    const time = new FakeClock();
    await using own = await startRanked({
      clock: time,
      prepare: (it) => void it.account('a').usage(full).meters(spark(10)),
    });
    expect(await isServedBy(own, 'a', asking(SPARK_MODEL, inSession('kept')))).toEqual(['a']);
    for (const it of ['a', 'b']) own.fakeUpstream.account(it).usageResponses(500, 'out of order');
    const next = await own.restart();
    try {
      expect(await isServedBy(next, 'a', asking(SPARK_MODEL, inSession('kept')))).toEqual(['a']);
      expect(await isServedBy(next, 'b', asking(OTHER_MODEL))).toEqual(['b']);
    } finally {
      await next.running.stop();
    }
  });
});

describe('a turn that names no model', () => {
  it('gets upstream’s own refusal if every account refuses it because of a meter', async () => {
    await using own = await startRanked({ clock: new FakeClock() });
    everyone(own, () => usageLimit({ meter: 'codex_bengalfox' }));
    const { response, asked } = await turn(own, { body: JSON.stringify({ input: [], stream: true }) });
    expect(asked).toEqual(['a', 'b']);
    expect(response.status).toBe(429);
    expect(errorIn(response)).toMatchObject({ type: 'usage_limit_reached' });
    await expectAllFree(own);
  });
});
