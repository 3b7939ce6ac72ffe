import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { Talk } from '../support/program/usage-program.js';
import { packInto, PackageUser } from './package-user.js';

let folder = '';
let tarball = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-pool-package-'));
  tarball = await packInto(folder);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('from the packed tarball, in an empty folder, with scripts blocked', () => {
  it.each(['11', '12'])('npm %s installs a program that shows itself, and serves', async (npm) => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using user = await PackageUser.arrive(npm);
    await user.install(tarball);

    const demo = await user.command(['demo']);
    expect(demo.stdout).toContain('3. home has reached its usage limit, and the session goes on');
    expect(demo.code).toBe(0);

    await user.addAccount(fakeUpstream, 'a');
    const { origin } = await user.start(fakeUpstream);
    const talk = new Talk(origin);
    expect((await talk.turn()).status).toBe(200);
    await talk.untilRecorded(1);
    const page = await fetch(`${origin}/`, { headers: { accept: 'text/html' } });
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(await page.text()).toContain('<title>codex-pool</title>');
    expect((await talk.json('/admin/openapi.json')).openapi).toMatch(/^3\.1/);

    const status = await user.command(['status', '--json'], {
      PROXY_LISTEN_ADDR: new URL(origin).host,
    });
    expect(status.code).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({ verdict: { kind: 'serves', next: 'a' } });
  });
});
