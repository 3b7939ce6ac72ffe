import { execFile } from 'node:child_process';
import { chown, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { stopSecondsFor } from '../../src/cli/service/service-facts.js';
import { loadConfig } from '../../src/config/app.config.js';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { call, turnWith } from '../support/clients/raw-http.js';
import { freePort } from '../support/network/ports.js';
import { projectFolder } from '../support/operations/ops-files.js';
import { aTurn } from '../support/pool/pool.js';
import { commandOf, imageEnvironment, imageTexts, stages } from './dockerfile.js';
import { canSimulate, SimulatedImage } from './simulated-image.js';

const UID = 1_000;
const PRIVATE = 0o700;
const START_MS = 60_000;
const tokens = { PROXY_ADMIN_TOKEN: 'made-up-admin-token', PROXY_CLIENT_TOKEN: 'made-up-client-token' };
const healthCheck = commandOf(imageTexts('HEALTHCHECK')[0] ?? '');
const volumes = commandOf(imageTexts('VOLUME')[0] ?? '');

const composeSchema = z.object({
  services: z.object({
    'codex-pool': z.object({
      ports: z.array(z.string()),
      environment: z.record(z.string(), z.string()),
      volumes: z.array(z.string()),
      read_only: z.literal(true),
      tmpfs: z.array(z.string()),
      cap_drop: z.tuple([z.literal('ALL')]),
      stop_grace_period: z.string().regex(/^\d+s$/),
    }),
  }),
  volumes: z.record(z.string(), z.null()),
});

/** Runs the health check of the image; returns its exit code. */
async function health(listen: string): Promise<number> {
  const env = { PROXY_LISTEN_ADDR: listen };
  const [, ...args] = healthCheck;
  return await promisify(execFile)(process.execPath, args, { env }).then(
    () => 0,
    (error: { code?: number }) => error.code ?? -1,
  );
}

describe.runIf(canSimulate())('the image of the Dockerfile', () => {
  it('is built from its instructions, and serves as user node with a read-only root', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using image = await SimulatedImage.build();
    expect(image.hasPackage('express')).toBe(true);
    for (const it of ['typescript', 'vitest', 'sqlite3', `node-linux-${process.arch}`])
      expect(image.hasPackage(it)).toBe(false);
    expect((await readdir(join(image.root, 'app'))).toSorted()).toEqual([
      'dist',
      'node_modules',
      'package.json',
    ]);
    const listen = `0.0.0.0:${await freePort()}`;
    const command = commandOf(imageTexts('CMD')[0] ?? '');
    const env = { ...imageEnvironment(), PROXY_LISTEN_ADDR: listen, ...fakeUpstream.env };

    const refused = await image.start(command, volumes, env);
    expect((await refused.ended).code).toBe(1);
    expect(refused.stderr).toContain('PROXY_ADMIN_TOKEN: must be set');
    for (const it of volumes)
      expect(await stat(image.volume(it))).toMatchObject({ uid: UID, mode: expect.toSatisfy(isPrivate) });

    const login = join(image.volume('/pool'), 'a.json');
    await writeFile(login, JSON.stringify(fakeUpstream.account('a').authJson()), { mode: 0o600 });
    await chown(login, UID, UID);
    const child = await image.start(command, volumes, { ...env, ...tokens });
    const isListening = () => (child.stdout.includes('codex-pool listens on ') ? true : null);
    await child.until(isListening, 'the program to listen', START_MS);
    expect(await health(listen)).toBe(0);
    const origin = `http://127.0.0.1:${listen.split(':')[1]}`;
    const turn = turnWith(JSON.stringify(aTurn()), { authorization: `Bearer ${tokens.PROXY_CLIENT_TOKEN}` });
    expect((await call(origin, turn)).status).toBe(200);
    const page = await call(origin, { headers: { accept: 'text/html' } });
    expect(page.headers['content-type']).toContain('text/html');
    child.kill('SIGTERM');
    expect((await child.ended).code).toBe(0);
    expect(await health(listen)).toBe(1);
    expect(await stat(join(image.volume('/data'), 'proxy.db'))).toMatchObject({ uid: UID });
    expect(child.stdout + child.stderr).not.toMatch(/EROFS|EACCES|read-only/i);
  });

  it('is built on a Node that the program supports, in two stages', async () => {
    expect(stages().map((it) => it.base)).toEqual(['node:24-bookworm-slim', 'node:24-bookworm-slim']);
    expect(imageTexts('USER')).toEqual(['node']);
  });
});

describe('compose.yaml', () => {
  it('publishes on loopback only, requires both tokens and keeps both volumes', async () => {
    const text = await readFile(`${projectFolder}compose.yaml`, 'utf8');
    const { services, volumes: named } = composeSchema.parse(load(text));
    const service = services['codex-pool'];
    const { port } = new URL(`http://${imageEnvironment()['PROXY_LISTEN_ADDR']}`);
    expect(service.ports).toEqual([`127.0.0.1:${port}:${port}`]);
    expect(imageTexts('EXPOSE')).toEqual([port]);
    for (const it of Object.keys(tokens))
      expect(service.environment[it]).toMatch(new RegExp(`^\\$\\{${it}:\\?`));
    expect(service.volumes.map((it) => it.split(':')[1])).toEqual(volumes);
    expect(Object.keys(named)).toEqual(service.volumes.map((it) => it.split(':')[0]));
    expect(service.tmpfs).toEqual(['/tmp']);
    const needed = stopSecondsFor(loadConfig({}).drainSeconds);
    expect(Number.parseInt(service.stop_grace_period, 10)).toBeGreaterThanOrEqual(needed);
  });
});

function isPrivate(mode: number): boolean {
  return mode % 0o1000 === PRIVATE;
}
