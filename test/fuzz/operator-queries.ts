import { readAnswers } from './answers.js';
import type { BatchKind } from './batch.js';
import type { Draw } from './draw.js';
import { eventIdField } from './odd-event-ids.js';
import { oddText, oddValue, spoilt } from './odd-json.js';
import { oddName, oddQuery } from './odd-queries.js';
import { operatorFindings } from './operator-findings.js';
import type { Setting } from './setting.js';

const LIMIT_MS = 5_000;
/** Stands for the name of an account of the pool. */
const OWN = 'OWN-ACCOUNT';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: Buffer | null;
}

/** The operator's lists, reports and live events with odd queries and headers, and changes with odd bodies. */
export const operatorQueries: BatchKind = {
  name: 'operator queries',
  inputs: 48,
  concurrency: 6,
  blamesNoAccount: true,
  make: (draw) => {
    const { method, path, body } = askedOf(draw);
    const fields = [
      'host: 127.0.0.1',
      ...draw.list(0, 3, () => draw.one(oddFields)(draw)),
      ...(body === null ? [] : [typeOf(draw), `content-length: ${body.length}`]),
    ];
    const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`, 'latin1');
    const bytes = Buffer.concat([head, body ?? Buffer.alloc(0)]);
    const ending = draw.one(['reset', 'half-close', 'close'] as const);
    const stop = draw.happens(0.8) ? bytes.length : draw.whole(0, bytes.length - 1);
    const isWhole = stop === bytes.length;
    return {
      title: `${method} ${path.slice(0, 300)} (${path.length}) ¶ ${fields.join(' ¶ ').slice(0, 300)} ¶ ${body?.subarray(0, 300).toString('latin1') ?? 'no body'}; ${isWhole ? 'whole' : `${ending} after ${stop} of ${bytes.length} bytes`}`,
      run: async (setting) => {
        using client = setting.client();
        const name = setting.accounts[0]?.name ?? '';
        const sent = Buffer.from(bytes.subarray(0, stop).toString('latin1').replace(OWN, name), 'latin1');
        await client.write([sent], isWhole ? 'wait' : ending, 5);
        const hasBegun = (): boolean =>
          client.got.includes('text/event-stream') && client.got.includes('\n\n');
        const isAnswered = (): boolean => hasBegun() || isComplete(client.got, method);
        await client.until(isAnswered, isWhole ? LIMIT_MS : 200);
        const findings = [...client.findings, ...operatorFindings(client.got, method, isWhole)];
        if (method === 'PATCH') findings.push(...(await restored(setting)));
        return findings;
      },
    };
  },
};

/** Whether a whole response has arrived. */
function isComplete(got: Buffer, method: string): boolean {
  const { answers, fault } = readAnswers(got, [method]);
  return fault !== null || answers[0]?.isWhole === true;
}

function askedOf(draw: Draw): Asked {
  const list = draw.one([
    '/admin/events',
    '/admin/events',
    '/admin/requests',
    '/admin/requests',
    '/admin/usage',
    '/admin/usage',
    '/admin/usage.csv',
    '/admin/affinity',
    `/admin/accounts/${OWN}/quota`,
    '/admin/accounts',
    '/admin/summary',
    '/admin/login',
    `/admin/affinity/${oddName(draw)}`,
    `/admin/requests/${oddName(draw)}`,
  ]);
  const query = draw.happens(0.85) ? `?${oddQuery(draw)}` : '';
  return draw.one<() => Asked>([
    () => ({ method: 'GET', path: list + query, body: null }),
    () => ({ method: 'GET', path: list + query, body: null }),
    () => ({ method: 'GET', path: list + query, body: null }),
    () => ({ method: 'HEAD', path: list + query, body: null }),
    () => ({ method: 'DELETE', path: `/admin/affinity/${oddName(draw)}${query}`, body: null }),
    () => ({ method: 'PUT', path: `/admin/affinity/${oddName(draw)}`, body: bodyOf(draw, move) }),
    () => ({ method: 'PATCH', path: '/admin/settings', body: bodyOf(draw, settings) }),
    () => ({
      method: 'PATCH',
      path: `/admin/accounts/${draw.one([OWN, OWN, oddName(draw)])}`,
      body: bodyOf(draw, account),
    }),
  ])();
}

/** Fields that the operator's routes read, with odd values. */
const oddFields: readonly [(draw: Draw) => string, ...((draw: Draw) => string)[]] = [
  eventIdField,
  (draw) => `${eventIdField(draw)}\r\n${eventIdField(draw)}`,
  (draw) =>
    `if-none-match: ${draw.one(['*', '', '"', 'W/', '"x", , "y"', `"${'x'.repeat(4_000)}"`, '\u00ff'])}`,
  (draw) => `accept: ${draw.one(['', 'text/html', 'image/*;q=x', '*/*;q=-1', ','.repeat(3_000), '\u00e9'])}`,
  (draw) => `accept-encoding: ${draw.one(['', 'gzip;q=0', 'br, gzip', 'x'.repeat(2_000)])}`,
  (draw) =>
    `authorization: ${draw.one(['', 'Bearer', 'Basic !!!!', 'Basic ====', `Bearer ${'x'.repeat(5_000)}`])}`,
  (draw) => `cookie: ${draw.one(['', '=', ';;;', 'codex-pool-session-0=x', `a=${'x'.repeat(5_000)}`])}`,
  (draw) => `range: ${draw.one(['bytes=0-', 'bytes=-1', 'x'])}`,
  () => 'expect: 100-continue',
];

const typeOf = (draw: Draw): string =>
  draw.one([
    'content-type: application/json',
    'content-type: application/json',
    'content-type: application/json; charset=utf-16',
    'content-type: application/json; charset=\u00e9',
    'content-type: application/json\r\ncontent-encoding: gzip',
    'content-type: application/json\r\ncontent-encoding: x',
    'content-type: text/plain',
    'content-type: application/merge-patch+json',
    'x-none: 1',
  ]);

const move = { account: 'x' };
/** No address here can be reached from outside this machine. */
const settings = { policy: 'round-robin', debug: false, notifyUrl: 'http://127.0.0.1:9/fuzz' };
const account = {
  paused: false,
  pausedUntil: 1,
  label: 'x',
  priority: 1,
  reserve: 0.1,
  maxInFlight: 2,
  credits: 'last',
};

function bodyOf(draw: Draw, sensible: Readonly<Record<string, unknown>>): Buffer {
  const value = draw.one<() => unknown>([
    () => spoilt(draw, sensible),
    () => spoilt(draw, sensible),
    () => oddValue(draw, 3),
  ])();
  return draw.happens(0.6) ? Buffer.from(JSON.stringify(value) ?? '') : oddText(draw, value);
}

/** Returns the settings to the configured ones, as the next batch expects them. */
async function restored(setting: Setting): Promise<string[]> {
  const name = setting.accounts[0]?.name ?? '';
  const change = async (path: string, body: object): Promise<string[]> => {
    const headers = { 'content-type': 'application/json' };
    const { status } = await setting.call({ method: 'PATCH', path, headers, body: JSON.stringify(body) });
    return status === 200 ? [] : [`${path} could not be restored: ${status}`];
  };
  return [
    ...(await change('/admin/settings', { policy: null, debug: null, notifyUrl: null })),
    ...(await change(`/admin/accounts/${name}`, { paused: false, reserve: 0, maxInFlight: null })),
  ];
}
