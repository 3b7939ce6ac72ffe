import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { Program, type ProgramOptions } from '../../support/program/child-process.js';
import { aTurn } from '../../support/pool/pool.js';
import { call, type RawExchange, send, turnWith } from '../../support/clients/raw-http.js';

const turn = turnWith(JSON.stringify(aTurn()));

/** A program with one account in the middle of a turn. */
async function streaming(fakeUpstream: FakeUpstream, env: ProgramOptions['env'] = {}) {
  const program = await Program.spawn({ fakeUpstream, accounts: ['a'], env });
  const origin = await program.origin();
  const upstream = controlled();
  fakeUpstream.account('a').answers(upstream.response);
  const client: RawExchange = send(origin, turn);
  upstream.send(delta('first'));
  await client.untilText('first');
  return { program, origin, upstream, client };
}

/** Starts with invalid settings; returns the error output. */
async function refusal(options: ProgramOptions): Promise<{ stdout: string; stderr: string }> {
  await using program = await Program.spawn(options);
  expect(await program.child.ended).toEqual({ code: 1, signal: null });
  const { stdout, stderr } = program.child;
  expect(stdout).not.toContain('listens');
  expect(stderr).not.toMatch(/^ +at /m); // sentences, no stack
  return { stdout, stderr };
}

describe('a program that gets a stop signal', { timeout: 30_000 }, () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'finishes its streams on %s, accepts nothing new, and exits with 0',
    async (signal) => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
      const { program, origin, upstream, client } = await streaming(fakeUpstream);
      await using _it = program;
      program.child.kill(signal);
      await program.child.until(
        ({ stdout }) => (stdout.includes('stopping') ? true : null),
        'its message that it is stopping',
      );
      // A connection that is still in the listener's queue is reset; later ones are refused.
      await expect(call(origin, { path: '/healthz' })).rejects.toThrow('ECONNRE');
      await expect(call(origin, { path: '/healthz' })).rejects.toThrow('ECONNREFUSED');
      upstream.send(delta('second'));
      await client.untilText('second');
      upstream.send(completed());
      upstream.end();
      expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
      expect(client.text).toContain('response.completed');
      expect(await program.child.ended).toEqual({ code: 0, signal: null });
    },
  );

  it('breaks off remaining streams after PROXY_DRAIN_SECONDS, and still exits with 0', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const { program, client } = await streaming(fakeUpstream, { PROXY_DRAIN_SECONDS: '1' });
    await using _it = program;
    const askedAt = performance.now();
    program.child.kill('SIGTERM');
    expect((await client.whole()).isBroken).toBe(true);
    expect(await program.child.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - askedAt).toBeGreaterThan(900);
    await fakeUpstream.until(() => fakeUpstream.turns()[0]?.closedEarly === true, 'the end of the turn');
  });

  it('ends at once on the second signal', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const { program, client } = await streaming(fakeUpstream);
    await using _it = program;
    program.child.kill('SIGTERM');
    await program.child.until(
      ({ stdout }) => (stdout.includes('stopping') ? true : null),
      'its message that it is stopping',
    );
    const askedAt = performance.now();
    program.child.kill('SIGTERM');
    await program.child.ended;
    expect(performance.now() - askedAt).toBeLessThan(2_000);
    expect((await client.whole()).isBroken).toBe(true);
  });

  it('ends at once with 0 when idle, even with an open connection', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using program = await Program.spawn({ fakeUpstream, accounts: ['a'] });
    const { port } = new URL(await program.origin());
    const idle = connect(Number(port), '127.0.0.1');
    await once(idle, 'connect');
    idle.on('error', () => undefined);
    program.child.kill('SIGTERM');
    expect(await program.child.ended).toEqual({ code: 0, signal: null });
    idle.destroy();
  });
});

describe('a program that cannot start says so and exits with 1', { timeout: 30_000 }, () => {
  it('when its address is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { stderr } = await refusal({ env: { PROXY_LISTEN_ADDR: `127.0.0.1:${port}` } });
    holder.close();
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(`127.0.0.1:${port} is in use`);
    expect(stderr).toContain('PROXY_LISTEN_ADDR');
  });

  it('when another codex-pool uses the same data folder, and that one continues', async () => {
    await using first = await Program.spawn();
    const origin = await first.origin();
    const env = { PROXY_DB_PATH: join(first.folder, 'data', 'proxy.db') };
    await using second = await Program.spawn({ env });
    const { code } = await second.child.ended;
    const { stderr } = second.child;
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('another codex-pool is using');
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
  });

  it('when settings cannot be used, all of them at once, by name', async () => {
    const env = {
      PROXY_LISTEN_ADDR: 'nowhere',
      PROXY_MAX_ATTEMPTS: '0',
      PROXY_USAGE_REFRESH_SECONDS: '1.5',
      PROXY_USAGE_RETENTION_DAYS: '-1',
      PROXY_DISABLE_REFRESH: 'perhaps',
      PROXY_POLICY: 'best',
      PROXY_ADMIN_TOKEN: 'short',
      UPSTREAM_RESPONSES_BASE: 'ftp://127.0.0.1',
    };
    const { stderr } = await refusal({ env });
    for (const name of Object.keys(env)) expect(stderr).toContain(name);
    expect(stderr).not.toContain('short');
  });

  it('when others could reach it without tokens', async () => {
    const { stderr } = await refusal({ env: { PROXY_LISTEN_ADDR: '0.0.0.0:0' } });
    expect(stderr).toContain('PROXY_ADMIN_TOKEN');
    expect(stderr).toContain('PROXY_CLIENT_TOKEN');
    expect(stderr).toMatch(/not a loopback address/);
  });
});

describe('a program that starts', { timeout: 30_000 }, () => {
  it.each([
    ['codex-pool', {}],
    ['npx codex-pool', { npm_lifecycle_event: 'start' }],
  ])('prints the next steps when the pool is empty: %s', async (command, env) => {
    await using program = await Program.spawn({ env });
    const origin = await program.origin();
    await program.child.until(
      ({ stdout }) => (stdout.includes('An auth.json') ? true : null),
      'the greeting',
    );
    const { stdout } = program.child;
    expect(stdout).toContain(` ${command} login `);
    expect(stdout).toContain(` ${command} setup `);
    expect(stdout).toContain(join(program.folder, 'pool'));
    expect((await stat(join(program.folder, 'pool'))).mode & 0o077).toBe(0);
    expect((await call(origin, { path: '/healthz' })).status).toBe(200);
  });

  it('reads .env in its working directory, which the environment overrules', async () => {
    await using fakeUpstream = await FakeUpstream.start();
    await using program = await Program.spawn({
      fakeUpstream,
      dotEnv: 'PROXY_LISTEN_ADDR=127.0.0.1:0\nPOOL_DIR=./logins/of/mine\nPROXY_CLIENT_TOKEN=from-the-file\n',
      env: { PROXY_CLIENT_TOKEN: 'from-the-environment' },
    });
    const origin = await program.origin();
    expect(existsSync(join(program.folder, 'logins', 'of', 'mine'))).toBe(true);
    const headers = { authorization: 'Bearer from-the-environment' };
    expect((await call(origin, { path: '/v1/models', headers })).status).not.toBe(403);
    const other = { authorization: 'Bearer from-the-file' };
    expect((await call(origin, { path: '/v1/models', headers: other })).status).toBe(403);
  });

  it('lists its accounts and broken files, and serves', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['home', 'work'] });
    await using program = await Program.spawn({ fakeUpstream, accounts: ['home', 'work'] });
    const response = await call(await program.origin(), turn);
    expect(response.status).toBe(200);
    expect(program.child.stdout).toContain('accounts: home, work');
    expect(program.child.stderr).toBe('');
  });

  it('listens beyond loopback with both tokens', async () => {
    await using program = await Program.spawn({
      env: {
        PROXY_LISTEN_ADDR: '0.0.0.0:0',
        PROXY_ADMIN_TOKEN: 'admin-token',
        PROXY_CLIENT_TOKEN: 'client-token',
      },
    });
    const { port } = new URL(await program.origin());
    expect((await call(`http://127.0.0.1:${port}`, { path: '/v1/models' })).status).toBe(403);
  });
});
