import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { call } from '../../support/clients/raw-http.js';
import { type DiskTrouble, fullDisk, readOnlyFolder } from '../../support/disk/disk-trouble.js';
import { canMount } from '../../support/disk/small-disk.js';
import { Folders, type RunningProgram } from '../../support/program/usage-program.js';

async function ask(program: RunningProgram, method: string, path: string, json?: object) {
  const headers = { 'content-type': 'application/json' };
  const body = json === undefined ? {} : { headers, body: JSON.stringify(json) };
  const response = await call(program.origin, { method, path, ...body });
  return { status: response.status, body: JSON.parse(response.body.toString()) };
}

const troubles: [string, string, (folders: Folders) => Promise<DiskTrouble>][] = [
  ['full', 'disk_full', fullDisk],
  ['read-only', 'read_only', readOnlyFolder],
];

describe.skipIf(!canMount())('a pool folder on a disk that is', { timeout: 60_000 }, () => {
  it.each(troubles)('%s is a problem with a code (%s), and no fault', async (_how, code, prepare) => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a', 'b'] });
    await using folders = await Folders.create(fakeUpstream, ['a', 'b']);
    await using trouble = await prepare(folders);
    const program = await folders.start();
    await trouble.begin(program);
    const detail = expect.stringMatching(/\(E(NOSPC|ROFS)\)/);
    const login = fakeUpstream.addAccount({ name: 'n' }).authJson();
    expect(await ask(program, 'POST', '/admin/accounts', login)).toMatchObject({
      status: 503,
      body: { code: 'not_written', detail },
    });
    const removed = await ask(program, 'DELETE', '/admin/accounts/a');
    // A full disk can still rename a file, and a read-only one cannot.
    const isRefused = code === 'read_only';
    expect(removed).toMatchObject(isRefused ? { status: 503, body: { code, detail } } : { status: 200 });
    expect((await readdir(join(folders.path, 'pool'))).includes('a.json')).toBe(isRefused);
    expect(await ask(program, 'POST', '/admin/reload')).toMatchObject({ status: 200 });
    expect(await ask(program, 'POST', '/admin/accounts/b/refresh')).toMatchObject({ status: 200 });
    const labelled = await ask(program, 'PATCH', '/admin/accounts/b', { label: 'still here' });
    expect(labelled).toMatchObject({ status: 200, body: { label: 'still here' } });
    expect((await program.turn()).status).toBe(200);
    const { details } = await program.health();
    expect(details.faults.total).toBe(0);
    await trouble.end(program);
    expect(await ask(program, 'DELETE', '/admin/accounts/b')).toMatchObject({ status: 200 });
    expect(fakeUpstream.tokens.reuses).toBe(0);
  });
});
