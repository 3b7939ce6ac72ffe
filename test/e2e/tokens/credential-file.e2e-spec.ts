import {
  chmod,
  lstat,
  readdir,
  readFile,
  readlink,
  rename,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DAY, FakeClock, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

/** Moves the clock to half a minute before the token expires. */
const ALMOST = 10 * DAY - 30 * SECOND;

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('credential files', () => {
  it('adopts newer tokens that Codex wrote into the file, instead of refreshing', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    clock.advance(ALMOST);
    const login = pool.fakeUpstream.account('a').loginAgain(20 * 86_400);
    await pool.writeAuth('a', login);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
    expect(pool.fakeUpstream.turns()[0]?.headers.authorization).toBe(`Bearer ${login.tokens.access_token}`);
    expect(await pool.readAuth('a')).toEqual(login);
  });

  it('adopts them when upstream rejects the older ones', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    const login = pool.fakeUpstream.account('a').loginAgain();
    await pool.writeAuth('a', login);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
    expect(pool.fakeUpstream.turns()[1]?.headers.authorization).toBe(`Bearer ${login.tokens.access_token}`);
  });

  it('preserves all other fields of a file, their order, and mode 0600', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    const path = join(pool.folder, 'pool', 'a.json');
    const { tokens, last_refresh: before } = await pool.readAuth('a');
    const refreshed = {
      last_refresh: before,
      zeta: [1, { deep: null }],
      tokens: { new_thing: true, ...tokens },
    };
    await writeFile(path, JSON.stringify({ ...refreshed, OPENAI_API_KEY: null, alpha: 'é' }));
    clock.advance(ALMOST);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    const newest = pool.fakeUpstream.account('a').authJson().tokens;
    const expected = {
      last_refresh: new Date(clock.now()).toISOString(),
      zeta: [1, { deep: null }],
      tokens: { new_thing: true, ...tokens, ...newest },
      OPENAI_API_KEY: null,
      alpha: 'é',
    };
    expect(JSON.stringify(await pool.readAuth('a'))).toBe(JSON.stringify(expected));
    expect(await modeOf(path)).toBe(0o600);
    expect(await readdir(join(pool.folder, 'pool'))).not.toContainEqual(expect.stringContaining('.tmp'));
  });

  it('follows a symbolic link to Codex’s file and leaves the link in its place', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    const link = join(pool.folder, 'pool', 'a.json');
    const target = join(pool.folder, 'auth.json');
    await rename(link, target);
    await symlink(target, link);
    clock.advance(ALMOST);
    await pool.turn().expect(200);
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readlink(link)).toBe(target);
    const { refresh_token: newest } = pool.fakeUpstream.account('a').authJson().tokens;
    expect(JSON.parse(await readFile(target, 'utf8'))).toMatchObject({ tokens: { refresh_token: newest } });
  });

  it('tightens a mode that lets others read the file', async () => {
    await using pool = await TestPool.start();
    const path = join(pool.folder, 'pool', 'a.json');
    await chmod(path, 0o644);
    await pool.client.post('/admin/reload').expect(200);
    expect(await modeOf(path)).toBe(0o600);
    expect(await pool.account('a')).toMatchObject({ available: true, warnings: [] });
  });

  it('lists unusable files with a reason, and serves with the others', async () => {
    const secret = 'sk-something-that-must-not-show';
    await using pool = await TestPool.start({
      accounts: ['a'],
      files: {
        'cut.json': '{"tokens": {"access_token": "',
        'empty.json': '',
        'key.json': JSON.stringify({ OPENAI_API_KEY: secret }),
        'other.json': JSON.stringify({ tokens: { access_token: 7, refresh_token: secret } }),
        'notes.txt': 'not a credential',
      },
    });
    const { body } = await pool.client.get('/admin/accounts').expect(200);
    expect(body).toMatchObject([
      { name: 'a', available: true, reason: null },
      { name: 'cut', available: false, reason: 'the file is not JSON' },
      { name: 'empty', available: false, reason: 'the file is empty' },
      { name: 'key', available: false, reason: expect.stringContaining('API key') },
      { name: 'other', available: false, reason: expect.stringContaining('tokens.access_token') },
    ]);
    expect(JSON.stringify(body)).not.toContain(secret);
    await pool.turn().expect(200);
  });

  it('names other logins in the folder, in the log and in an import alike', async () => {
    const secret = 'canary-of-a-secret';
    await using pool = await TestPool.start({ accounts: ['a'] });
    const good = await pool.readAuth('a');
    const others: Readonly<Record<string, readonly [object, string, string]>> = {
      bedrock: [{ auth_mode: 'bedrock', bedrock_api_key: secret }, 'bedrock_login', 'Bedrock'],
      key: [{ auth_mode: 'apikey', OPENAI_API_KEY: secret, tokens: null }, 'api_key_only', 'API key'],
      machine: [{ auth_mode: 'agentIdentity', agent_identity: secret }, 'agent_identity', 'agent identity'],
      org: [
        { ...good, tokens: { ...good.tokens, account_id: `org-${secret}` } },
        'organization_id',
        'organization',
      ],
      pat: [
        { auth_mode: 'personalAccessToken', personal_access_token: secret },
        'personal_access_token',
        'personal access token',
      ],
    };
    for (const [name, [document]] of Object.entries(others)) {
      await writeFile(join(pool.folder, 'pool', `${name}.json`), JSON.stringify(document));
    }
    await pool.client.post('/admin/reload').expect(200);
    for (const [name, [document, code, words]] of Object.entries(others)) {
      const { reason, available } = await pool.account(name);
      expect(available).toBe(false);
      expect(reason).toContain(words);
      expect(reason).toContain('`codex login`');
      const { body } = await pool.client.post('/admin/accounts').send({ auth: document }).expect(422);
      expect(body.code).toBe(code);
      expect(body.detail.slice(1)).toBe(`${reason.slice(1)}.`);
      expect(pool.logger.lines.some((it) => it.includes(name) && it.includes(words))).toBe(true);
      expect(JSON.stringify([reason, body, pool.logger.lines])).not.toContain(secret);
    }
    await pool.turn().expect(200);
  });

  it('serves a file with a blank account_id as the account that its token names', async () => {
    await using pool = await TestPool.start({
      accounts: ['a', 'b'],
      authJson: (name, json) =>
        name === 'a' ? { ...json, tokens: { ...json.tokens, account_id: ' ' } } : json,
    });
    const { accountId } = await pool.account('a');
    expect(accountId).toBe(pool.fakeUpstream.account('a').accountId);
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.turns().at(-1)?.headers['chatgpt-account-id']).toBe(accountId);
    const login = pool.fakeUpstream.account('b').loginAgain();
    const blank = { ...login, tokens: { ...login.tokens, account_id: '' } };
    const { body } = await pool.client.post('/admin/accounts').send(blank).expect(201);
    expect(body).toEqual([{ name: 'b', result: 'renewed' }]);
    expect((await pool.readAuth('b')).tokens.account_id).toBe(pool.fakeUpstream.account('b').accountId);
  });

  it('removes only a broken file on reload, and adds it again once it is complete', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const whole = await pool.readAuth('a');
    await writeFile(join(pool.folder, 'pool', 'a.json'), '{');
    await pool.client.post('/admin/reload').expect(200);
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'the file is not JSON' });
    await pool.turn().expect(200);
    await pool.writeAuth('a', whole);
    await pool.client.post('/admin/reload').expect(200);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'a']);
  });
});
