import type { Draw } from './draw.js';

/** More than any queried list needs, and than Node reads of a head. */
const LONG_QUERY = 100_000;

/** The names of an account in a path. */
export const oddName = (draw: Draw): string => draw.one(oddNames);

const oddNames = [
  'x',
  '%00',
  '%zz',
  '%',
  '%FF',
  '__proto__',
  'n'.repeat(3_000),
  '%2e%2e',
  'a%2Fb',
  '%E2%80%AE',
] as const;

/** The parameters of all lists. */
const parameters = [
  'from',
  'to',
  'bucket',
  'by',
  'tz',
  'limit',
  'cursor',
  'account',
  'model',
  'project',
  'session',
  'outcome',
  'since',
] as const;

/** Names of parameters, and others that programs stumble over. */
const names = [
  ...parameters,
  '__proto__',
  'constructor',
  'toString',
  '',
  'x',
  'from[]',
  'from[a][b]',
  'limit[0]',
  '%00',
  '%zz',
] as const;

const cursor = (text: string): string => Buffer.from(text).toString('base64url');

const values = [
  '',
  '0',
  '-1',
  '1',
  '1e9',
  '9'.repeat(400),
  '9007199254740993',
  '-8640000000000001',
  'NaN',
  '2026-13-45',
  '2026-02-30T25:61:61Z',
  '0000-00-00',
  'day',
  'project',
  'none',
  'Europe/Berlin',
  'Mars/Base',
  '__proto__',
  '%00',
  '%',
  '%zz',
  '%FF%FE',
  '%ED%A0%80',
  '%F0%9F%92%A9',
  "x' OR ''='",
  "');DROP%20TABLE%20usage_record;--",
  '\u00e9\u00ff',
  cursor('[9,"9"]'),
  cursor('[1e308,null]'),
  cursor(`[1,"${'x'.repeat(500)}"]`),
  cursor('[[[['),
] as const;

/** Values that a parameter takes, its bounds among them. */
const fitting = {
  from: ['0', '1', '1764288000000', '9999999999999999', '0001-01-01', '9999-12-31', '2026-03-29'],
  to: ['0', '8640000000000000', '8640000000000001', '9999999999999999', '2026-11-27T23:59:59.999-12:00'],
  bucket: ['hour', 'day'],
  by: ['none', 'account', 'model', 'project', 'session', 'effort', 'front-end'],
  tz: ['UTC', 'Europe/Berlin', 'Pacific/Apia', 'Asia/Kathmandu', '+14:00', '-00:01', 'Etc/GMT+12', 'utc'],
  limit: ['1', '2', '500', '1000', '000001', '999999'],
  cursor: [
    cursor('[0,""]'),
    cursor('[9007199254740991,"x"]'),
    cursor('[-9007199254740991,"\\u0000"]'),
    cursor('[1764288000000,"1"]'),
    cursor(`[1764288000000,"${'9'.repeat(400)}"]`),
    cursor('[1764288000000,"1e309"]'),
    cursor('[1,"\\ud800"]'),
  ],
  account: ['x', '%F0%9F%92%A9', 'n'.repeat(200), '%25%5F', '%00'],
  model: ['gpt-5.5', '*', '%25', '[a]', '%5C'],
  project: ['none', 'x', '%25', 'n'.repeat(200)],
  session: ['x', '0'.repeat(64)],
  outcome: ['success', 'failed', 'client-gone', 'constructor'],
  since: ['0', '9999999999999999'],
} as const satisfies Readonly<Record<string, readonly [string, ...string[]]>>;

/** A query, without its `?`: odd ones, and ones in which each value fits. */
export function oddQuery(draw: Draw): string {
  return draw.one<() => string>([
    () => nearlyGood(draw),
    () => nearlyGood(draw),
    () => nearlyGood(draw),
    () => nearlyGood(draw),
    () => draw.list(1, 5, () => `${draw.one(names)}=${draw.one(values)}`).join('&'),
    () => draw.list(1, 5, () => `${draw.one(names)}=${draw.one(values)}`).join('&'),
    () => draw.one(['&', '?', '=', '&&&=&', ';', '#x', '%', 'a'.repeat(5_000)]),
    () => longQuery(draw),
  ])();
}

/** Parameters with values that fit, and now and then one that does not. */
function nearlyGood(draw: Draw): string {
  const taken = parameters.filter(() => draw.happens(0.35));
  const spoilt = draw.happens(0.3) ? draw.one(parameters) : null;
  return taken
    .map((it) => `${it}=${it === spoilt ? draw.one(values) : draw.one<string>(fitting[it])}`)
    .join('&');
}

function longQuery(draw: Draw): string {
  return draw.one<() => string>([
    () => `${draw.one(names)}=${'x'.repeat(LONG_QUERY)}`,
    () => `${draw.one(names)}=${'%00'.repeat(4_000)}`,
    () => Array.from({ length: 1_500 }, () => `${draw.one(names)}=1`).join('&'),
    () => `from${'[a]'.repeat(1_000)}=1`,
  ])();
}
