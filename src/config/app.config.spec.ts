import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { InvalidConfigError, loadConfig } from './app.config.js';

/** The message of the error that loading these settings throws; empty if it throws none. */
function faultsOf(env: Readonly<Record<string, string>>): string {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.message;
    throw error;
  }
  return '';
}

const tokens = { PROXY_ADMIN_TOKEN: 'admin-token', PROXY_CLIENT_TOKEN: 'client-token' };

describe('the settings', () => {
  it('all have a working default', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      listen: { host: '127.0.0.1', port: 8989 },
      poolDir: resolve('pool'),
      dbPath: resolve('data', 'proxy.db'),
      maxAttempts: 3,
      usageRefreshSeconds: 300,
      usageRetentionDays: 30,
      refreshDisabled: false,
      debug: false,
      maxReplayBytes: 16 * 1_024 * 1_024,
      adminToken: null,
      clientToken: null,
      allowedHosts: [],
      drainSeconds: 30,
      notifyUrl: null,
      notifyBelowRatio: 0.1,
    });
    expect(config.responsesBase.href).toBe('https://chatgpt.com/backend-api/codex');
    expect(config.whamBase.href).toBe('https://chatgpt.com/backend-api');
    expect(config.refreshBase.href).toBe('https://auth.openai.com/');
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('that are empty count as not set', () => {
    const names = ['PROXY_LISTEN_ADDR', 'POOL_DIR', 'PROXY_MAX_ATTEMPTS', 'PROXY_ADMIN_TOKEN', 'PROXY_DEBUG'];
    expect(loadConfig(Object.fromEntries(names.map((it) => [it, ''])))).toEqual(loadConfig({}));
  });

  it.each(['http://127.0.0.1:9/x?y=z', 'https://ntfy.example/topic', 'http://[::1]:9/'])(
    'PROXY_NOTIFY_URL %s is read',
    (text) => {
      expect(loadConfig({ PROXY_NOTIFY_URL: text }).notifyUrl?.href).toBe(text);
    },
  );

  it.each([
    'ntfy.example/topic',
    'ftp://ntfy.example',
    'https://user:made-up@ntfy.example',
    'https://ntfy.example/a b',
    `https://ntfy.example/${'x'.repeat(2_000)}`,
  ])('PROXY_NOTIFY_URL %s is a fault', (text) => {
    const faults = faultsOf({ PROXY_NOTIFY_URL: text });
    expect(faults).toContain('PROXY_NOTIFY_URL: expected an http or https address');
    expect(faults).not.toContain('made-up');
  });

  it('PROXY_NOTIFY_BELOW is a percentage', () => {
    expect(loadConfig({ PROXY_NOTIFY_BELOW: '25' }).notifyBelowRatio).toBe(0.25);
    expect(faultsOf({ PROXY_NOTIFY_BELOW: '101' })).toMatch(/PROXY_NOTIFY_BELOW: expected a whole number/);
  });

  it.each([
    ['127.0.0.1:0', '127.0.0.1', 0],
    ['127.1.2.3:65535', '127.1.2.3', 65_535],
    ['[::1]:8989', '::1', 8_989],
    ['localhost:1', 'localhost', 1],
  ])('PROXY_LISTEN_ADDR %s is read', (text, host, port) => {
    expect(loadConfig({ PROXY_LISTEN_ADDR: text }).listen).toEqual({ host, port });
  });

  it.each([
    '8989',
    ':8989',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '::1:8989',
    'a b:1:2',
  ])('PROXY_LISTEN_ADDR %j is a fault', (text) => {
    expect(faultsOf({ PROXY_LISTEN_ADDR: text, ...tokens })).toMatch(/PROXY_LISTEN_ADDR: expected host:port/);
  });

  it.each([
    '0.0.0.0:1',
    '[::]:1',
    '192.168.1.7:1',
    'proxy.example:1',
    '127.0.0.1.example:1',
    '[::ffff:192.168.1.7]:1',
  ])('PROXY_LISTEN_ADDR %s needs both tokens', (text) => {
    const faults = faultsOf({ PROXY_LISTEN_ADDR: text });
    expect(faults).toContain('PROXY_ADMIN_TOKEN');
    expect(faults).toContain('PROXY_CLIENT_TOKEN');
    const { PROXY_ADMIN_TOKEN, PROXY_CLIENT_TOKEN } = tokens;
    expect(faultsOf({ PROXY_LISTEN_ADDR: text, PROXY_ADMIN_TOKEN })).not.toContain('PROXY_ADMIN_TOKEN:');
    expect(faultsOf({ PROXY_LISTEN_ADDR: text, PROXY_CLIENT_TOKEN })).not.toContain('PROXY_CLIENT_TOKEN:');
    expect(faultsOf({ PROXY_LISTEN_ADDR: text, ...tokens })).toBe('');
  });

  it.each(['PROXY_MAX_ATTEMPTS', 'PROXY_USAGE_REFRESH_SECONDS', 'PROXY_USAGE_RETENTION_DAYS'])(
    '%s is a whole number from 1',
    (name) => {
      for (const wrong of ['0', '-1', '1.5', '1e3', ' 1', 'x', '99999999999']) {
        expect(faultsOf({ [name]: wrong })).toContain(`${name}: expected a whole number from 1`);
      }
      expect(faultsOf({ [name]: '1' })).toBe('');
    },
  );

  it.each([
    ['1', true],
    ['true', true],
    ['0', false],
    ['false', false],
  ])('a switch set to %s is %s', (text, isOn) => {
    const { debug, refreshDisabled } = loadConfig({ PROXY_DEBUG: text, PROXY_DISABLE_REFRESH: text });
    expect([debug, refreshDisabled]).toEqual([isOn, isOn]);
  });

  it.each([
    'ftp://127.0.0.1',
    'chatgpt.com',
    'https://x/?a=1',
    'https://x/#a',
    'https://me:secret@x/',
    '/path',
  ])('an upstream base %s is a fault, and is not quoted', (text) => {
    const faults = faultsOf({ UPSTREAM_WHAM_BASE: text });
    expect(faults).toMatch(/UPSTREAM_WHAM_BASE: expected an https address/);
    expect(faults).not.toContain('secret');
  });

  it.each([
    ['http://chatgpt.com/backend-api', false],
    ['http://10.0.0.7:8080', false],
    ['http://127.0.0.1.evil.example', false],
    ['http://upstream.test.evil.example', false],
    ['http://xtest', false],
    ['HTTP://chatgpt.com', false],
    ['http://127.0.0.1:9/x', true],
    ['http://[::1]:9', true],
    ['http://localhost:9', true],
    ['http://0.0.0.0:9', true],
    ['http://upstream.test/x', true],
    ['https://upstream.example/x', true],
  ])('an upstream base %s, to which tokens go, is fine: %s', (text, isFine) => {
    const faults = faultsOf({ UPSTREAM_REFRESH_BASE: text });
    expect(faults).toMatch(isFine ? /^$/ : /UPSTREAM_REFRESH_BASE: expected https, because tokens go there/);
  });

  it('are all reported at once when invalid, each by its name', () => {
    const env = {
      PROXY_MAX_ATTEMPTS: '0',
      PROXY_POLICY: 'best',
      PROXY_DEBUG: '2',
      PROXY_ADMIN_TOKEN: 'a b c d e f',
    };
    const lines = faultsOf(env).split('\n').slice(1);
    expect(new Set(lines.map((it) => it.trim().split(':')[0]))).toEqual(new Set(Object.keys(env)));
    expect(lines).toHaveLength(4);
    expect(faultsOf(env)).not.toContain('a b c');
  });

  it('hold tokens that do not print', () => {
    expect(JSON.stringify(loadConfig(tokens))).not.toMatch(/admin-token|client-token/);
  });

  it('PROXY_ALLOWED_HOSTS is a list of names in lower case', () => {
    expect(loadConfig({ PROXY_ALLOWED_HOSTS: ' Proxy.lan,, b ' }).allowedHosts).toEqual(['proxy.lan', 'b']);
  });
});

const wholeNumbers = [
  'PROXY_MAX_ATTEMPTS',
  'PROXY_USAGE_REFRESH_SECONDS',
  'PROXY_USAGE_RETENTION_DAYS',
  'PROXY_MAX_REPLAY_BYTES',
  'PROXY_DRAIN_SECONDS',
];
const flags = ['PROXY_DISABLE_REFRESH', 'PROXY_DEBUG'];
const choices = ['PROXY_POLICY', 'PROXY_SQLITE_DRIVER'];
const bases = ['UPSTREAM_RESPONSES_BASE', 'UPSTREAM_WHAM_BASE', 'UPSTREAM_REFRESH_BASE'];
const paths = ['POOL_DIR', 'PROXY_DB_PATH'];
const tokenNames = ['PROXY_ADMIN_TOKEN', 'PROXY_CLIENT_TOKEN'];
const noNumber = ['abc', '-1', '+1', '1.5', '1e3', ' 5 ', '5 ', '0x10', '1_000', '1,000', 'NaN'];
const never = [' ', '\0', '5\0', '1\n', '\n1', '\t', '1\r\n'];
const huge = '9'.repeat(400);
const badAddresses = [huge, 'true', 'https://', 'https://x y', 'https://x:99999', 'https://:pw@x'].concat([
  'https://x\n.example',
  '\thttps://x',
  'https://x ',
  'file:///x',
  'ws://x',
]);

describe('a setting of the wrong kind', () => {
  it.each<[string, string]>([
    ...wholeNumbers.flatMap((it) =>
      [...noNumber, ...never, huge, 'true'].map((at) => [it, at] satisfies [string, string]),
    ),
    ...flags.flatMap((it) =>
      [...noNumber, ...never, huge, '2', '01', 'yes'].map((at) => [it, at] satisfies [string, string]),
    ),
    ...choices.flatMap((it) =>
      [...noNumber, ...never, huge, 'auto,node'].map((at) => [it, at] satisfies [string, string]),
    ),
    ...bases.flatMap((it) =>
      [...noNumber, ...never, ...badAddresses].map((at) => [it, at] satisfies [string, string]),
    ),
    ...paths.flatMap((it) =>
      [...never, ' 5 ', '~root', '~root/x'].map((at) => [it, at] satisfies [string, string]),
    ),
    ...tokenNames.flatMap((it) =>
      [...noNumber, ...never, 'tökens-of-mine'].map((at) => [it, at] satisfies [string, string]),
    ),
    ...[...noNumber, ...never, huge, '127.0.0.1\n:1', '\0:1', 'a b:1', '[x]:1', '[::1]', '127.0.0.1:1e3']
      .concat([
        '127.0.0.1: 1',
        '127.0.0.1:0x10',
        '[abc]:1',
        '[127.0.0.1]:1',
        ':1',
        '[]:1',
        'http://127.0.0.1:1',
        '127.0.0.1:1/',
        '*:1',
      ])
      .map((it) => ['PROXY_LISTEN_ADDR', it] satisfies [string, string]),
    ...['\0', 'a\nb', '*', 'https://a'].map((it) => ['PROXY_ALLOWED_HOSTS', it] satisfies [string, string]),
  ])('%s=%j is one sentence with its name', (name, text) => {
    const lines = faultsOf({ [name]: text, ...(name === 'PROXY_LISTEN_ADDR' ? tokens : {}) }).split('\n');
    expect(lines[0]).toBe('Invalid settings:');
    expect(lines.slice(1)).toEqual([expect.stringMatching(new RegExp(`^  ${name}: \\S`))]);
  });

  it('hides no other fault', () => {
    const faults = faultsOf({
      PROXY_LISTEN_ADDR: '0.0.0.0:1',
      PROXY_MAX_ATTEMPTS: '0',
      PROXY_CLIENT_TOKEN: 'short',
      PROXY_ALLOWED_HOSTS: '*,https://a',
      POOL_DIR: '~other',
    });
    const names = faults.match(/^ {2}[A-Z_]+/gm)?.map((it) => it.trim());
    expect(names?.toSorted()).toEqual([
      'POOL_DIR',
      'PROXY_ADMIN_TOKEN',
      'PROXY_ALLOWED_HOSTS',
      'PROXY_ALLOWED_HOSTS',
      'PROXY_CLIENT_TOKEN',
      'PROXY_MAX_ATTEMPTS',
    ]);
  });

  it('is no reason to refuse a runtime folder, which another program has set', () => {
    for (const text of ['run', '~/run', ' '])
      expect(loadConfig({ XDG_RUNTIME_DIR: text }).runtimeFolders).toHaveLength(1);
    expect(loadConfig({ XDG_RUNTIME_DIR: '/run/user/7' }).runtimeFolders[0]).toBe('/run/user/7/codex-pool');
  });
});
