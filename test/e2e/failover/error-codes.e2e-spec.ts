import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { raw, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import {
  created,
  delta,
  framed,
  messageDone,
  type TurnEvent,
} from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, MINUTE, SECOND } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import {
  forgiven,
  free,
  movesToB,
  out,
  type Standing,
  standing,
  startRanked,
} from '../../support/pool/ranked-accounts.js';
import { send } from '../../support/clients/raw-client.js';

const quotaCodes = ['usage_limit_reached', 'insufficient_quota', 'quota_exceeded'];
const deactivatedCodes = [
  'account_deactivated',
  'account_suspended',
  'account_deleted',
  'deactivated_workspace',
];

/** The places where upstream may put an error code. */
const places: [string, (code: string) => object][] = [
  ['error.code', (code) => ({ error: { code, type: 'made_up', message: 'no' } })],
  ['error.type', (code) => ({ error: { type: code, message: 'no' } })],
  ['a string in error', (error) => ({ error })],
  ['a string in detail', (detail) => ({ detail })],
  ['detail.code', (code) => ({ detail: { code } })],
  ['top-level code', (code) => ({ code, message: 'no' })],
];

/** The error as the first event of a stream: inside its response or at the top level. */
const events: [string, (error: object) => TurnEvent][] = [
  [
    'response.failed',
    (error) => ({ type: 'response.failed', response: { id: 'r', status: 'failed', ...error } }),
  ],
  ['error', (error) => ({ type: 'error', ...error })],
];

const added = (item: object): TurnEvent => ({ type: 'response.output_item.added', output_index: 0, item });

// One pool for all tests; account evidence is cleared after each.
const clock = new FakeClock();
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock, prepare: (it) => void it.account('a').usage(null, null) });
});
afterEach(async () => forgiven(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

const inCases = (codes: readonly string[]) =>
  codes.flatMap((code) => places.map(([place, errorWith]) => [code, place, errorWith(code)] as const));

/** Sends a turn that `a` refuses and `b` serves; returns the attempts and the standing of both accounts. */
async function refusedBy(refusal: ScriptedResponse): Promise<{ asked: string[]; a: Standing; b: Standing }> {
  const asked = await movesToB(pool, [refusal]);
  return { asked, a: await standing(pool, 'a'), b: await standing(pool, 'b') };
}

const moved = (a: Standing) => ({ asked: ['a', 'b'], a, b: free });
const exhausted = () => out('quota-exhausted', clock.now() + 5 * MINUTE);

describe('quota-exhausted', () => {
  it.each(inCases(quotaCodes))('is the outcome of a 429 with %s as %s', async (_code, _place, body) => {
    expect(await refusedBy(refuses(429, body))).toEqual(moved(exhausted()));
  });

  it.each(
    inCases(quotaCodes).flatMap(([code, place, body]) =>
      events.map(([type, event]) => [type, code, place, event(body)] as const),
    ),
  )('is the outcome of a stream that begins with %s and %s as %s', async (_type, _code, _place, event) => {
    expect(await refusedBy(streams({ events: [created(), event] }))).toEqual(moved(exhausted()));
  });

  it('is the outcome of a 429 with an upper-case code', async () => {
    expect(await refusedBy(refuses(429, { error: { type: 'USAGE_LIMIT_REACHED' } }))).toEqual(
      moved(exhausted()),
    );
  });
});

describe('deactivated', () => {
  it.each(inCases(deactivatedCodes))('is the outcome of a 403 with %s as %s', async (_code, _place, body) => {
    expect(await refusedBy(refuses(403, body))).toEqual(moved(out('deactivated', null)));
  });

  it.each([400, 401, 404, 429, 500, 503])(
    'is the outcome of a %i with account_deactivated',
    async (status) => {
      const refusal = refuses(status, { error: { code: 'account_deactivated' } });
      expect(await refusedBy(refusal)).toEqual(moved(out('deactivated', null)));
    },
  );

  it.each(
    deactivatedCodes.flatMap((code) =>
      events.map(([type, of]) => [type, code, of({ error: { code } })] as const),
    ),
  )('is the outcome of a stream that begins with %s and %s', async (_type, _code, event) => {
    expect(await refusedBy(streams({ events: [event] }))).toEqual(moved(out('deactivated', null)));
  });

  it.each([
    ['without a body', refuses(402, '')],
    ['with an unknown code', refuses(402, { error: { code: 'made_up' } })],
  ])('is the outcome of a 402 %s', async (_what, refusal) => {
    expect(await refusedBy(refusal)).toEqual(moved(out('deactivated', null)));
  });
});

describe('rate-limited', () => {
  it.each(inCases(['rate_limit_exceeded', 'slow_down', 'unknown_code']))(
    'is the outcome of a 429 with %s as %s',
    async (_code, _place, body) => {
      expect(await refusedBy(refuses(429, body))).toEqual(
        moved(out('rate-limited', clock.now() + 2 * SECOND)),
      );
    },
  );

  it('is the outcome of a 429 that mentions a quota limit only in its message', async () => {
    const error = {
      code: 'made_up',
      message: 'usage_limit_reached, insufficient_quota',
      param: 'quota_exceeded',
    };
    expect(await refusedBy(refuses(429, { error }))).toEqual(
      moved(out('rate-limited', clock.now() + 2 * SECOND)),
    );
  });
});

describe('not-entitled', () => {
  it.each(inCases(['usage_not_included']))(
    'is the outcome of a 429 with %s as %s',
    async (_code, _place, body) => {
      expect(await refusedBy(refuses(429, body))).toEqual(moved(free));
    },
  );
});

describe('overloaded', () => {
  it.each(inCases(['server_is_overloaded']))(
    'is the outcome of a 503 with %s as %s',
    async (_code, _place, body) => {
      expect(await refusedBy(refuses(503, body))).toEqual(moved(free));
    },
  );
});

describe('a code outside an error', () => {
  const code = 'usage_limit_reached';
  const error = { error: { code, type: code, message: 'account_deactivated' } };
  it.each<[string, TurnEvent[]]>([
    ['in the text of a delta', [delta(JSON.stringify(error)), delta('"code":"account_deactivated"')]],
    ['in extra fields of a delta', [{ ...delta('x'), ...error, code, detail: code }]],
    ['in an output item', [added({ type: 'message', ...error, code, detail: { code } })]],
    ['in the text of an item', [messageDone(JSON.stringify({ type: 'response.failed', response: error }))]],
    [
      'in the arguments of a tool call',
      [{ type: 'response.function_call_arguments.delta', delta: `{"error":"${code}"}` }],
    ],
    ['in the prelude', [{ ...created(), ...error }, { type: 'response.metadata', ...error }, delta('x')]],
    [
      'in the text of a delta as an event line',
      [{ type: 'response.output_text.delta', delta: 'event: error' }],
    ],
    ['in a completed turn', [{ type: 'response.completed', response: { id: 'r', ...error } }]],
    ['in an incomplete turn', [{ type: 'response.incomplete', response: { id: 'r', ...error } }]],
  ])('has no effect %s', async (_where, sent) => {
    const before = pool.fakeUpstream.attempts().length;
    const stream = Buffer.from(sent.map((it) => framed(it)).join(''));
    pool.fakeUpstream.account('a').answers(raw(stream));
    const received = await send(pool);
    expect(received).toMatchObject({
      status: 200,
      isBroken: false,
      headers: { 'x-codex-pool-account': 'a' },
    });
    expect(received.body.toString()).toBe(stream.toString());
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it.each([400, 404, 422])('has no effect as a quota code with a %i', async (status) => {
    const before = pool.fakeUpstream.attempts().length;
    pool.fakeUpstream.account('a').answers(refuses(status, error));
    expect(await send(pool)).toMatchObject({ status, headers: { 'x-codex-pool-account': 'a' } });
    expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});
