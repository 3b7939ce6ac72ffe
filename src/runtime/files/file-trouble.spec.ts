import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileTroubleIn } from './file-trouble.js';

/** An error as Node makes it. */
const failed = (code: string, syscall = 'open', path?: string) =>
  Object.assign(new Error(`${code}: made up`), { code, syscall, ...(path === undefined ? {} : { path }) });

describe('the trouble with a file', () => {
  let folder = '';
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'codex-pool-trouble-'))));
  afterAll(async () => await rm(folder, { recursive: true }));

  it.each([
    ['EACCES', 'no_access'],
    ['EPERM', 'no_access'],
    ['EROFS', 'read_only'],
    ['ENOSPC', 'disk_full'],
    ['EDQUOT', 'disk_full'],
    ['EFBIG', 'disk_full'],
    ['EMFILE', 'too_many_open_files'],
    ['EIO', 'pool_unusable'],
  ])('of %s is %s, and names the path', (code, expected) => {
    expect(fileTroubleIn(failed(code, 'open', '/pool/a.json'))).toMatchObject({
      code: expected,
      message: expect.stringContaining(`/pool/a.json cannot be used (${code})`),
    });
  });

  it('is found in the errors of the file system', async () => {
    const [plain, sub] = [join(folder, 'plain'), join(folder, 'sub')];
    await writeFile(plain, '');
    await mkdir(sub);
    const errors = await Promise.all(
      [readdir(plain), mkdir(join(plain, 'x')), writeFile(sub, ''), mkdir(sub)].map(
        async (it) => await it.then(() => null).catch((error: unknown) => error),
      ),
    );
    expect(errors.map((it) => fileTroubleIn(it)?.code)).toEqual(errors.map(() => 'not_a_folder'));
  });

  it.runIf(process.platform === 'linux')('is found in an error without a path', async () => {
    const file = await open('/dev/full', 'w');
    const error: unknown = await file.writeFile('x').catch((it: unknown) => it);
    await file.close();
    expect(fileTroubleIn(error)).toMatchObject({
      code: 'disk_full',
      message: expect.stringMatching(/^A file/),
    });
  });

  it('is not found in other errors', async () => {
    const socket = connect({ port: 1, host: '127.0.0.1' });
    const [refused]: unknown[] = await once(socket, 'error');
    for (const it of [refused, failed('EACCES', 'connect'), new Error('EACCES'), 'EACCES', null])
      expect(fileTroubleIn(it)).toBeNull();
  });
});
