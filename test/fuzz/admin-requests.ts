import type { BatchKind } from './batch.js';
import type { Draw } from './draw.js';
import { oddText, oddValue, spoilt } from './odd-json.js';
import { TOKEN_CANARY } from './canary.js';
import type { Setting } from './setting.js';

const LIMIT_MS = 3_000;

const names = [
  'x',
  '..%2f..%2fescaped',
  '%2e%2e%2fescaped',
  '..',
  '.',
  '%00',
  '%0a',
  'a%2Fb',
  '%5c..%5cx',
  '__proto__',
  'constructor',
  '%',
  '%zz',
  '%C3%A9',
  '%FF',
  'x.json',
  '.hidden',
  '%20',
  'n'.repeat(300),
  'n'.repeat(5_000),
  '*',
  'a;b',
  'a?b',
  '%E2%80%AE',
  'CON',
  '-rf',
] as const;

const givenNames = [
  'x',
  '../escaped',
  '..',
  '.',
  'a/b',
  '\u0000',
  'a\nb',
  '__proto__',
  'n'.repeat(300),
  '',
  ' ',
  '.hidden',
  'x.json',
  'é',
  '\u202e',
  'a\\b',
  5,
  null,
  [],
  {},
] as const;

/** The operator's API with bodies, names and content types of every wrong kind. */
export const adminRequests: BatchKind = {
  name: 'admin requests',
  inputs: 48,
  concurrency: 6,
  blamesNoAccount: true,
  make: (draw) => {
    const { method, path } = targetOf(draw);
    const { type, body } = bodyOf(draw, path);
    const fields = [
      'host: 127.0.0.1',
      ...(type === null ? [] : [`content-type: ${type}`]),
      `content-length: ${body.length}`,
    ];
    const head = `${method} ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`;
    return {
      title: `${method} ${path.slice(0, 200)} as ${type}: ${body.length} bytes ${body.subarray(0, 300).toString('latin1')}`,
      run: async (setting) => {
        using client = setting.client();
        await client.write([Buffer.concat([Buffer.from(head), body])]);
        const { answers } = await client.answers([method], 1, LIMIT_MS);
        const [answer] = answers;
        if (answer === undefined) return [`no answer within ${LIMIT_MS} ms`];
        const leftover = await loginEnded(setting, answer.body);
        return [...client.allFindings([method]), ...leftover, ...(await setting.strayFiles())];
      },
    };
  },
};

function targetOf(draw: Draw): { readonly method: string; readonly path: string } {
  const name = draw.one(names);
  const [method, path] = draw.one<[string, string]>([
    ['POST', '/admin/accounts'],
    ['POST', '/admin/accounts'],
    ['POST', '/admin/accounts'],
    ['PATCH', `/admin/accounts/${name}`],
    ['PATCH', `/admin/accounts/${name}`],
    ['DELETE', `/admin/accounts/${name}`],
    ['GET', `/admin/accounts/${name}`],
    ['GET', `/admin/accounts/${name}/quota?since=${draw.one(['-1', '1e9', '', '%00', '9'.repeat(30)])}`],
    ['POST', `/admin/accounts/${name}/${draw.one(['refresh', 'reset', 'poll', '%00', '..%2freset'])}`],
    ['POST', '/admin/login/browser'],
    ['POST', '/admin/login/device'],
    ['POST', `/admin/login/${name}/callback`],
    ['DELETE', `/admin/login/${name}`],
    ['POST', '/admin/reload'],
    ['GET', `/admin/requests/${name}`],
    [
      'GET',
      `/admin/usage?${draw.one(['from=x', 'from=-1', 'from=9999999999999999', 'from[]=1', 'from=1&from=2', 'by=__proto__', 'bucket=day&to=%00', 'tz=Mars/Base', 'from=2026-13-45', 'from=0&to=8640000000000001', `x=${'x'.repeat(5_000)}`])}`,
    ],
    [draw.one(['PUT', 'OPTIONS', 'TRACE', 'PROPFIND', 'HEAD']), `/admin/accounts/${name}`],
  ]);
  return { method, path };
}

function bodyOf(draw: Draw, path: string): { readonly type: string | null; readonly body: Buffer } {
  const value = draw.one<() => unknown>([
    () => oddValue(draw, 3),
    () => sensibleBody(draw, path),
    () => sensibleBody(draw, path),
  ])();
  const body = draw.happens(0.6) ? Buffer.from(JSON.stringify(value) ?? '') : oddText(draw, value);
  const type = draw.one([
    'application/json',
    'application/json',
    'application/json',
    'application/json; charset=utf-16',
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/json, text/html',
    '',
    null,
  ]);
  return { type, body: draw.happens(0.03) ? Buffer.alloc(draw.size(1_000_000, 3_000_000), 0x20) : body };
}

/** A body as the route expects it, with some fields of the wrong kind. */
function sensibleBody(draw: Draw, path: string): unknown {
  if (path === '/admin/accounts') {
    const tokens = spoilt(draw, {
      access_token: `${TOKEN_CANARY}.a.b`,
      refresh_token: TOKEN_CANARY,
      id_token: TOKEN_CANARY,
      account_id: oddValue(draw, 0),
    });
    const auth = spoilt(draw, {
      auth_mode: 'chatgpt',
      OPENAI_API_KEY: null,
      tokens,
      last_refresh: oddValue(draw, 0),
    });
    const named = { name: draw.one(givenNames), auth };
    return draw.one<() => unknown>([
      () => auth,
      () => named,
      () => draw.list(0, 20, () => named),
      () => [[auth]],
    ])();
  }
  if (path.includes('/login/'))
    return {
      name: draw.one(givenNames),
      url: draw.one([
        'http://localhost:1455/auth/callback?code=x&state=y',
        'x',
        'http://evil.example/?code=a&code=b',
      ]),
    };
  return spoilt(draw, {
    paused: 'yes',
    label: 'l\u0000',
    priority: 1e300,
    reserve: -1,
    maxInFlight: 0.5,
    credits: 'always',
  });
}

/** Cancels a login that was begun, so that its listener ends with the batch. */
async function loginEnded(setting: Setting, body: Buffer): Promise<string[]> {
  const id = /"id":"([^"]+)","/.exec(body.toString('latin1'))?.[1];
  if (id === undefined) return [];
  const { status } = await setting.call({ method: 'DELETE', path: `/admin/login/${id}` });
  return status < 500 ? [] : [`a login could not be cancelled: ${status}`];
}
