import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { custom, raw, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { created, type TurnEvent } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import { expectQuiet, standing, startRanked, isServedBy } from '../../support/pool/ranked-accounts.js';
import { asking, everyone, expectAllFree, servesAll, startOver, turn } from '../../support/pool/scope.js';

const clock = new FakeClock();
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock, accounts: ['a', 'b', 'c'] });
});
afterEach(async () => startOver(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

const MODEL = 'gpt-9';
const PLACE = 'unsupported_country_region_territory';

/** A refusal of the failover table: its code, the statuses it comes with, and what it means for `a`. */
interface Row {
  readonly code: string;
  readonly statuses: readonly number[];
  readonly asked: readonly string[];
  readonly reason: string | null;
  readonly message?: string;
}

const served = ['a', 'b'];
const rows: readonly Row[] = [
  { code: 'usage_limit_reached', statuses: [429], asked: served, reason: 'quota-exhausted' },
  { code: 'credit_balance_exhausted', statuses: [402, 403, 429], asked: served, reason: 'quota-exhausted' },
  { code: 'project_spend_limit_exceeded', statuses: [429, 400], asked: served, reason: 'quota-exhausted' },
  { code: 'usage_not_included', statuses: [429], asked: served, reason: null },
  { code: 'account_deactivated', statuses: [402, 403], asked: served, reason: 'deactivated' },
  { code: 'rate_limit_exceeded', statuses: [429], asked: served, reason: 'rate-limited' },
  {
    code: 'model_not_found',
    statuses: [400, 403, 404],
    asked: served,
    reason: null,
    message: `no ${MODEL} here`,
  },
  { code: PLACE, statuses: [403], asked: ['a'], reason: null },
  { code: 'made_up_code', statuses: [403], asked: served, reason: null },
];

/** The places of a code in a JSON error. */
const places: [string, (code: string, message: string) => object][] = [
  ['error.code', (code, message) => ({ error: { code, message } })],
  ['error.type', (type, message) => ({ error: { type, message } })],
  ['error as text', (error, message) => ({ error, message })],
  ['detail as text', (detail, message) => ({ detail, message })],
  ['detail.code', (code, message) => ({ detail: { code, message } })],
  ['the top level', (code, message) => ({ code, message })],
  ['error.code, with a type of the wrong type', (code, message) => ({ error: { code, message, type: 7 } })],
  ['error.type, with a null code', (type, message) => ({ error: { code: null, type, message } })],
  [
    'error.code, with times of the wrong type',
    (code, message) => ({
      error: { code, message, resets_at: 'soon', resets_in_seconds: { in: 3 }, plan_type: [] },
    }),
  ],
  [
    'error.code, with names of limits of the wrong type',
    (code, message) => ({ error: { code, message, limit_name: 4, metered_limit_name: ['x'] } }),
  ],
];

/**
 * Sends a turn whose first attempt, on `a`, meets the scripted refusal; returns the result and the state of each
 * account.
 */
async function observed() {
  const { response, asked } = await turn(pool, asking(MODEL));
  const states = [];
  for (const it of ['a', 'b', 'c']) states.push((await standing(pool, it)).reason);
  return { isServed: response.status === 200, asked, states };
}

const expected = ({ asked, reason }: Row) => ({
  isServed: asked.length > 1,
  asked,
  states: [reason, null, null],
});

const inPlaces = rows.flatMap((row) =>
  places.flatMap(([place, of]) =>
    row.statuses.map((status) => [row.code, status, place, row, of(row.code, row.message ?? 'no')] as const),
  ),
);

describe('a refusal with its code in another place', () => {
  it.each(inPlaces)('has the same effect: %s with %i in %s', async (_code, status, _place, row, body) => {
    pool.fakeUpstream.account('a').answers(refuses(status, body));
    expect(await observed()).toEqual(expected(row));
  });

  const firstEvents = rows
    .filter((it) => it.code !== PLACE && it.code !== 'made_up_code')
    .flatMap((row) => {
      const error = { code: row.code, message: row.message ?? 'no' };
      const events: [string, TurnEvent][] = [
        ['response.failed', { type: 'response.failed', response: { id: 'r', error } }],
        ['response.failed without a response', { type: 'response.failed', error }],
        ['error with a nested error', { type: 'error', error }],
        ['a flat error', { type: 'error', ...error }],
      ];
      return events.map(([place, event]) => [row.code, place, row, event] as const);
    });
  it.each(firstEvents)(
    'has the same effect as the first event: %s, %s',
    async (_code, _place, row, event) => {
      pool.fakeUpstream.account('a').answers(streams({ events: [created(), event] }));
      expect(await observed()).toEqual(expected(row));
    },
  );
});

describe('a refusal of the wrong shape', () => {
  const wrong: [string, object | string][] = [
    ['a code that is a number', { error: { code: 429, message: 'no' } }],
    ['a code that is an object', { error: { code: { usage_limit_reached: true } } }],
    ['a code in a list', { error: { code: ['usage_limit_reached'] } }],
    ['a list as the body', [{ error: { code: 'usage_limit_reached' } }]],
    ['null', 'null'],
    ['a number', '7'],
    ['text in quotes', '"usage_limit_reached"'],
    ['errors in a list', { error: [{ code: 'usage_limit_reached' }] }],
    ['a code deep inside', { error: { inner: { error: { code: 'account_deactivated' } } } }],
    ['a code of 10,000 characters', { error: { code: 'x'.repeat(10_000) } }],
    ['no body', ''],
    ['NUL bytes', '\0\0\0\0'],
  ];
  it.each(
    wrong.flatMap(([what, body]) =>
      [400, 403, 404, 429, 500, 503].map((status) => [status, what, body] as const),
    ),
  )(
    'deactivates no account and ends no turn that another serves: %i with %s',
    async (status, _what, body) => {
      pool.fakeUpstream.account('a').answers(refuses(status, body), refuses(status, body));
      const { response, asked } = await turn(pool);
      const isPassedOn = status === 400 || status === 404;
      expect(response.status).toBe(isPassedOn ? status : 200);
      expect(asked.at(-1)).toBe(isPassedOn ? 'a' : 'b');
      const { reason } = await standing(pool, 'a');
      expect([null, 'rate-limited']).toContain(reason);
      expect(await standing(pool, 'b')).toMatchObject({ available: true });
      expect(await standing(pool, 'c')).toMatchObject({ available: true });
    },
  );
});

const TEN_MB = 10 * 1_024 * 1_024;
const padded = (before: string, after: string): Buffer =>
  Buffer.concat([Buffer.from(before), Buffer.alloc(TEN_MB, 'x'), Buffer.from(after)]);

describe('a refusal of 10 MB', { timeout: 30_000 }, () => {
  const json = { 'content-type': 'application/json' };
  const cases = rows.flatMap((row) => row.statuses.map((status) => [row.code, status, row] as const));

  it.each(cases)('means the same if it begins with its code (%s with %i)', async (code, status, row) => {
    const body = padded(`{"error":{"code":"${code}","message":"${row.message ?? 'no'} `, '"}}');
    pool.fakeUpstream.account('a').answers(refuses(status, body, json));
    expect(await observed()).toEqual(expected(row));
    await expectQuiet(pool);
  });

  it.each(cases)('counts by its status if its code comes last (%s with %i)', async (code, status) => {
    const body = padded('{"error":{"message":"', `","code":"${code}"}}`);
    pool.fakeUpstream.account('a').answers(refuses(status, body, json));
    const { isServed, states } = await observed();
    expect(isServed).toBe(status !== 400 && status !== 404);
    expect(states.slice(1)).toEqual([null, null]);
    await expectQuiet(pool);
  });

  it('is passed on, or moves the turn to an account that can serve, when it is the first event', async () => {
    const head = 'event: response.failed\ndata: {"type":"response.failed","response":{"error":{"code":';
    const body = padded(`${head}"usage_limit_reached","message":"`, '"}}}\n\n');
    pool.fakeUpstream.account('a').answers(raw(body));
    const { response } = await turn(pool);
    expect(response).toMatchObject({ status: 200, isBroken: false });
    for (const it of ['b', 'c']) expect(await standing(pool, it)).toMatchObject({ available: true });
    await expectQuiet(pool);
  });
});

/** Announces the whole body and sends half of it. */
const cut = (status: number, body: object): ScriptedResponse =>
  custom((req, res) => {
    const text = JSON.stringify(body);
    res.writeHead(status, { 'content-type': 'application/json', 'content-length': String(text.length) });
    res.write(text.slice(0, text.length / 2), () => void setImmediate(() => req.socket.destroy()));
  });
/** A complete response whose JSON ends too early. */
const short = (status: number, body: object): ScriptedResponse => {
  const text = JSON.stringify(body);
  return refuses(status, text.slice(0, -3), { 'content-type': 'application/json' });
};

/** A response with these header fields exactly as listed. */
const twice = (status: number, body: object, headers: readonly [string, string][]): ScriptedResponse =>
  custom((_req, res) => {
    const type: [string, string][] = [['content-type', 'application/json']];
    res.writeHead(status, [...type, ...headers].flat());
    res.end(JSON.stringify(body));
  });

describe('a refusal that is cut in the middle', () => {
  it.each(rows.flatMap((row) => row.statuses.map((status) => [row.code, status] as const)))(
    'fails no turn that another account serves: %s with %i',
    async (code, status) => {
      const body = { error: { message: 'm'.repeat(200), code, type: code } };
      pool.fakeUpstream.account('a').always(cut(status, body));
      const { response, asked } = await turn(pool);
      expect(asked[0]).toBe('a');
      expect(response.status).toBe(status === 400 || status === 404 ? status : 200);
      for (const it of ['b', 'c']) expect(await standing(pool, it)).toMatchObject({ available: true });
      await expectQuiet(pool);
    },
  );

  it.each(
    rows
      .filter((it) => it.message === undefined)
      .flatMap((row) => row.statuses.map((status) => [row.code, status, row] as const)),
  )('means the same if only its end is missing: %s with %i', async (code, status, row) => {
    pool.fakeUpstream.account('a').answers(short(status, { error: { code, message: 'no' } }));
    expect(await observed()).toEqual(expected(row));
  });
});

describe('headers that come twice', () => {
  const limit = { error: { type: 'usage_limit_reached', message: 'no', resets_in_seconds: 600 } };

  it.each([
    ['the same', 'codex_bengalfox', 'codex_bengalfox'],
    ['a meter and the general one', 'codex_bengalfox', 'codex'],
  ])('name one meter: %s', async (_case, first, second) => {
    const headers: [string, string][] = [
      ['x-codex-active-limit', first],
      ['X-Codex-Active-Limit', second],
    ];
    everyone(pool, () => twice(429, limit, headers));
    expect((await turn(pool, asking('gpt-5.3-codex-spark'))).response.status).toBe(429);
    servesAll(pool);
    expect(await isServedBy(pool, 'a', asking('gpt-5.5'))).toEqual(['a']);
    await expectAllFree(pool);
  });

  it.each([
    [
      'Retry-After',
      [
        ['retry-after', '5'],
        ['retry-after', '7'],
      ],
    ],
    [
      'a percentage',
      [
        ['x-codex-primary-used-percent', '100'],
        ['x-codex-primary-used-percent', '4'],
      ],
    ],
    [
      'credits',
      [
        ['x-codex-credits-balance', '1'],
        ['x-codex-credits-balance', 'many'],
      ],
    ],
    [
      'the content type',
      [
        ['content-type', 'text/html'],
        ['content-type', 'application/json'],
      ],
    ],
  ] as [string, [string, string][]][])('cost no turn: %s', async (_case, headers) => {
    pool.fakeUpstream.account('a').answers(twice(429, { error: { code: 'slow_down' } }, headers));
    const { response, asked } = await turn(pool);
    expect(response.status).toBe(200);
    expect(asked).toEqual(['a', 'b']);
    for (const it of ['b', 'c']) expect(await standing(pool, it)).toMatchObject({ available: true });
  });
});
