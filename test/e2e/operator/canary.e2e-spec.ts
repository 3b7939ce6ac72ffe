import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  custom,
  dropsConnection,
  failedFirst,
  refuses,
  streams,
} from '../../../src/fake-upstream/script/responses.js';
import { forbidden, rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool, type TestPoolOptions } from '../../support/pool/pool.js';
import { call, type RawResponse, type RawRequest, turnWith } from '../../support/clients/raw-http.js';

const ADMIN_TOKEN = 'canary-admin-token';
const CLIENT_TOKEN = 'canary-client-token';
/** A folder and a repository: only their last parts may show. */
const workspaces = {
  '/home/canary-person/canary-folder/shown-folder': {
    associated_remote_urls: {
      origin: 'https://canary-user:canary-password@canary-host.test/canary-owner/shown-repository.git',
    },
  },
};
const client = {
  'x-codex-turn-metadata': JSON.stringify({ thread_id: 'canary-thread', model: 'gpt-5.5', workspaces }),
  cookie: 'session=canary-client-cookie',
  'chatgpt-account-id': 'canary-client-account',
  'proxy-authorization': 'Basic canary-client-proxy',
};
const turn = turnWith(JSON.stringify(aTurn({ input: 'canary-of-what-was-said' })), client);
/** Words that occur only in secrets. */
const words = ['canary', 'rt_made-up.'];

/** Drives a pool and records everything that it emits. */
class Watch {
  readonly seen: [where: string, what: string][] = [];

  constructor(readonly pool: TestPool) {}

  async ask(asked: RawRequest, authorization = `Bearer ${CLIENT_TOKEN}`): Promise<RawResponse> {
    const headers = { ...asked.headers, authorization };
    const response = await call(this.pool.origin, { ...asked, headers });
    this.seen.push([
      `${asked.method ?? 'GET'} ${asked.path} ${response.status}`,
      `${response.rawHeaders.join('\n')}\n${response.body.toString('utf8')}`,
    ]);
    return response;
  }

  /** Everything that an operator can see. */
  async askAsOperator(): Promise<void> {
    for (const path of [
      '/healthz',
      '/readyz',
      '/metrics',
      '/',
      '/admin/requests',
      '/admin/requests?project=shown-repository&limit=1',
      '/admin/usage?by=model',
      '/admin/accounts',
      '/admin/accounts/a',
    ]) {
      await this.ask({ path }, `Bearer ${ADMIN_TOKEN}`);
    }
    await this.ask({ method: 'POST', path: '/admin/reload' }, `Bearer ${ADMIN_TOKEN}`);
    await this.ask({ path: '/admin/accounts' }, `Bearer ${CLIENT_TOKEN}-wrong`);
  }

  /** Reads all files of the database. */
  async lookIntoDatabase(): Promise<void> {
    const folder = join(this.pool.folder, 'data');
    for (const file of await readdir(folder, { withFileTypes: true })) {
      if (!file.isFile()) continue;
      this.seen.push([`the file ${file.name}`, (await readFile(join(folder, file.name))).toString('latin1')]);
    }
  }

  /** Every place where a secret or the middle of a token shows. */
  leaks(): string[] {
    const { fakeUpstream, logger, registry } = this.pool;
    const accounts = registry.list().map((it) => fakeUpstream.account(it.name));
    const emails = new Set(accounts.map((it) => it.email));
    const tokens = accounts.flatMap((it) => it.secrets());
    const middles = tokens.map((it) => it.split('.')[1] ?? '').filter((it) => it.length > 40);
    const places = [...this.seen, ['the log', logger.lines.join('\n')] as const];
    return [...tokens, ...middles, ADMIN_TOKEN, CLIENT_TOKEN, ...words].flatMap((secret) =>
      places
        .filter(
          ([where, what]) =>
            what.includes(secret) && !(emails.has(secret) && where.includes(' /admin/accounts')),
        )
        .map(([where]) => `${where} shows ${secret}`),
    );
  }
}

async function start(options: TestPoolOptions = {}): Promise<TestPool> {
  return TestPool.start({
    ...options,
    env: { PROXY_ADMIN_TOKEN: ADMIN_TOKEN, PROXY_CLIENT_TOKEN: CLIENT_TOKEN, ...options.env },
    accounts: options.accounts ?? [
      { name: 'a', email: 'person-a@example.test' },
      { name: 'b', email: 'person-b@example.test' },
    ],
  });
}

describe('no secret shows anywhere', () => {
  it('after turns, failovers, faults and everything else that is proxied', async () => {
    await using pool = await start();
    await polled(pool);
    const watch = new Watch(pool);
    const cookie = { 'set-cookie': 'oai=canary-upstream-cookie' };
    pool.fakeUpstream
      .account('a')
      .answers(
        streams({ headers: cookie }),
        rateLimit(1, 'slow down'),
        failedFirst('server_is_overloaded'),
        dropsConnection(),
        forbidden(),
      );
    pool.fakeUpstream.account('b').always(refuses(200, { ok: true }, cookie));
    for (let i = 0; i < 6; i += 1) await watch.ask(turn);
    await watch.ask({ ...turn, headers: { ...turn.headers, expect: '100-continue' } });
    const paths = [
      '/v1/models',
      '/backend-api/wham/usage',
      '/backend-api/wham/settings/user',
      '/backend-api/ps/x',
      '/backend-api/wham/config/bundle',
      '/favicon.ico',
      '/v1/responses',
    ];
    for (const path of paths) await watch.ask({ path, headers: { cookie: client.cookie } });
    await watch.ask({
      method: 'POST',
      path: '/oauth/token',
      body: '{"refresh_token":"canary-client-refresh"}',
    });
    await watch.ask(turn, 'Bearer canary-wrong-client-token');
    await watch.ask({ path: '/v1/models', headers: { host: 'evil.example' } });
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(usageLimit());
    await watch.ask(turn);
    await pool.fakeUpstream.goDown();
    await watch.ask(turn);
    await watch.ask({ path: '/v1/models' });
    await watch.askAsOperator();
    expect(watch.seen.some(([, what]) => what.includes('shown-repository'))).toBe(true);
    await watch.lookIntoDatabase();
    expect(watch.seen.map(([where]) => where)).toContain('the file proxy.db');
    expect(watch.leaks()).toEqual([]);
  });

  it.each([
    ['in a text', (token: string) => ({ status: 400, body: `Token ${token} of canary is bad` })],
    [
      'in a message',
      (token: string) => ({ status: 401, body: { error: { code: 'x', message: `canary ${token}` } } }),
    ],
    [
      'as an error',
      (token: string) => ({ status: 400, body: { error: token, error_description: 'canary' } }),
    ],
    ['as a code', (token: string) => ({ status: 403, body: { error: { code: token } } })],
    [
      'in a header',
      (token: string) => ({
        status: 500,
        body: {},
        headers: { 'x-debug': token, 'www-authenticate': token },
      }),
    ],
  ])('when the token endpoint echoes the refresh token %s', async (_where, fault) => {
    await using pool = await start({ accounts: [{ name: 'a', email: 'person-a@example.test' }] });
    await polled(pool);
    const watch = new Watch(pool);
    pool.fakeUpstream.tokens.answers(fault(pool.fakeUpstream.account('a').authJson().tokens.refresh_token));
    pool.fakeUpstream.account('a').expireAccessToken();
    await watch.ask(turn);
    await watch.ask(turn);
    await watch.ask({ path: '/backend-api/wham/settings/user' });
    await watch.askAsOperator();
    expect(pool.fakeUpstream.tokens.requestsFor('a').length).toBeGreaterThan(0);
    expect(watch.leaks()).toEqual([]);
  });

  it('after a refresh, neither the old tokens nor the new ones', async () => {
    await using pool = await start();
    await polled(pool);
    const watch = new Watch(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    expect((await watch.ask(turn)).headers['x-codex-pool-account']).toBe('a');
    await watch.askAsOperator();
    expect(watch.leaks()).toEqual([]);
  });

  it('of files that cannot be used', async () => {
    const tokens = { access_token: 'canary-access', refresh_token: 'canary-refresh', id_token: 'canary-id' };
    await using pool = await start({
      files: {
        'cut.json': JSON.stringify({ tokens }).slice(0, -5),
        'text.json': 'canary-access canary-refresh',
        'list.json': JSON.stringify([tokens]),
        'odd.json': JSON.stringify({ tokens: { ...tokens, access_token: { value: 'canary-access' } } }),
        'key.json': JSON.stringify({ OPENAI_API_KEY: 'sk-canary-key', tokens: null }),
        'keyed.json': JSON.stringify({ tokens: 'canary-tokens', 'canary-name': 1 }),
      },
    });
    const watch = new Watch(pool);
    await watch.ask(turn);
    await watch.askAsOperator();
    expect(watch.seen.some(([, what]) => what.includes('the file is not JSON'))).toBe(true);
    expect(watch.leaks()).toEqual([]);
  });

  it('of a token that no header can carry, and the next account serves', async () => {
    await using pool = await start();
    await polled(pool);
    const watch = new Watch(pool);
    const json = pool.fakeUpstream.account('a').authJson();
    json.tokens.access_token = 'canary-access\nx-injected: canary';
    await writeFile(join(pool.folder, 'pool', 'a.json'), JSON.stringify(json));
    await watch.ask({ method: 'POST', path: '/admin/reload' }, `Bearer ${ADMIN_TOKEN}`);
    const response = await watch.ask(turn);
    expect(response.headers['x-codex-pool-account']).toBe('b');
    await watch.ask({ path: '/backend-api/wham/settings/user' });
    await watch.askAsOperator();
    expect(watch.leaks()).toEqual([]);
    expect(pool.fakeUpstream.log.some((it) => 'x-injected' in it.headers)).toBe(false);
  });

  it('in a response that breaks off or is not HTTP', async () => {
    await using pool = await start();
    const watch = new Watch(pool);
    for (const name of ['a', 'b']) {
      pool.fakeUpstream
        .account(name)
        .always(
          custom(
            (req) => void req.socket.end(`HTTP/1.1 canary-status\r\n${req.headers.authorization}\r\n\r\n`),
          ),
        );
    }
    expect((await watch.ask(turn)).status).toBeGreaterThanOrEqual(500);
    await watch.askAsOperator();
    expect(watch.leaks()).toEqual([]);
  });
});
