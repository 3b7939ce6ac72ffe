import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { Talk } from '../support/program/usage-program.js';
import { NodeVersion } from './node-version.js';
import { packInto, PackageUser } from './package-user.js';

/** The oldest supported Node, the one of this project and the newest, each with an npm of its time. */
const machines = [
  // Its package exists for one processor only.
  { node: '22.19.0', npm: '10', isPackaged: process.arch === 'x64' },
  { node: process.versions.node, npm: '12', isPackaged: true },
  { node: '26.12.1', npm: '11', isPackaged: true },
];

const manifest = z.object({
  engines: z.object({ node: z.string() }),
  scripts: z.object({ build: z.string(), prepack: z.string() }),
});

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
  for (const { node, npm, isPackaged } of machines)
    it.runIf(isPackaged)(
      `Node ${node} with npm ${npm} gets a program that serves, and shows itself`,
      async () => {
        await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
        await using binary = await NodeVersion.get(node);
        await using user = await PackageUser.arrive(npm, binary.file);
        // npm would name a package that does not fit this Node or system.
        expect(await user.install(tarball)).not.toMatch(/EBADENGINE|EBADPLATFORM/);

        const demo = await user.command(['demo']);
        expect(demo.stdout).toContain('3. home has reached its usage limit, and the session goes on');
        expect(demo.code).toBe(0);

        await user.addAccount(fakeUpstream, 'a');
        const { child, origin } = await user.start(fakeUpstream);
        const talk = new Talk(origin);
        expect((await talk.turn()).status).toBe(200);
        await talk.untilRecorded(1);
        const page = await fetch(`${origin}/`, { headers: { accept: 'text/html' } });
        expect(page.headers.get('content-type')).toContain('text/html');
        expect(await page.text()).toContain('<title>codex-pool</title>');
        expect((await talk.json('/admin/openapi.json')).openapi).toMatch(/^3\.1/);

        const status = await user.command(['status', '--json'], { PROXY_LISTEN_ADDR: new URL(origin).host });
        expect(status).toMatchObject({ code: 0, stderr: '' });
        expect(JSON.parse(status.stdout)).toMatchObject({ verdict: { kind: 'serves', next: 'a' } });
        child.kill('SIGTERM');
        expect(await child.ended).toEqual({ code: 0, signal: null });
        expect(child.stderr).toBe('');
      },
    );

  it('nothing older is allowed by package.json, which builds before it packs', async () => {
    const file = fileURLToPath(new URL('../../package.json', import.meta.url));
    const { engines, scripts } = manifest.parse(JSON.parse(await readFile(file, 'utf8')));
    expect(`${engines.node}.0`).toBe(`>=${machines[0]?.node}`);
    expect(scripts.prepack).toBe(scripts.build);
  });
});
