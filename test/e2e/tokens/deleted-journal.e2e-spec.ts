import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { call, type RawResponse } from '../../support/clients/raw-http.js';
import { eventually } from '../../support/eventually.js';
import { buildProgram } from '../../support/program/child-process.js';
import { Folders, type RunningProgram } from '../../support/program/usage-program.js';

const support = fileURLToPath(new URL('../../support/disk/', import.meta.url));
const withoutKernelLock = `--import=${pathToFileURL(join(support, 'without-kernel-lock.mjs')).href}`;
const LIMIT_MS = 8_000;
const ROUNDS = 12;

/** Two programs on one pool folder. `runtime`: whether they share the folder for locks, unlike two containers. */
async function two(
  folders: Folders,
  runtime: 'shared' | 'separate',
): Promise<[RunningProgram, RunningProgram]> {
  const at = (name: string): string =>
    `mkdir -p -m 700 run-${name}; export PROXY_DB_PATH=./${name}/proxy.db XDG_RUNTIME_DIR=$PWD/run-${runtime === 'shared' ? 'both' : name}`;
  return await Promise.all([
    folders.start(at('one')),
    folders.start(`${at('two')}; mkdir -p -m 700 run-both`),
  ]);
}

async function served(response: Promise<RawResponse>): Promise<void> {
  const { status, body } = await response;
  expect(status === 200 ? null : body.toString()).toBeNull();
}

const cases = [
  ['one folder for locks', 'shared', ''],
  ['separate folders for locks', 'separate', ''],
  ['separate folders, and lock files', 'separate', withoutKernelLock],
] as const;

beforeAll(buildProgram, 120_000);

describe.each(cases)('two programs with %s', (_how, runtime, options) => {
  const env = { PROXY_POLICY: 'round-robin', NODE_OPTIONS: options };

  it('refresh once when their journal is deleted during the refresh', { timeout: 60_000 }, async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using folders = await Folders.create(fakeUpstream, ['a'], env);
    const journal = join(folders.path, 'pool', '.journal');
    const [one, other] = await two(folders, runtime);
    fakeUpstream.account('a').expireAccessToken();
    const held = fakeUpstream.tokens.hold();
    const first = one.turn();
    await held.arrived;
    await rm(journal, { recursive: true });
    const second = other.turn();
    await fakeUpstream.until(() => fakeUpstream.turns().length === 2, 'the turn of the other');
    // The announcement is on disk again, for the case that the first program dies now.
    await eventually(async () => {
      const names = await readdir(journal).catch(() => []);
      const name = names.find((it) => it.endsWith('.journal'));
      if (name === undefined) return 'a new journal';
      const text = await readFile(join(journal, name), 'latin1');
      return text.includes('"asking":{') ? null : 'the announcement';
    }, LIMIT_MS);
    held.release();
    await Promise.all([served(first), served(second)]);
    expect(fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });

  it('use no refresh token twice when it is deleted again and again', { timeout: 120_000 }, async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a', 'b'] });
    await using folders = await Folders.create(fakeUpstream, ['a', 'b'], env);
    const programs = await two(folders, runtime);
    let servedTurns = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const account of ['a', 'b']) fakeUpstream.account(account).expireAccessToken();
      const turns = programs.flatMap((it) => [it.turn(), it.turn()]);
      await rm(join(folders.path, 'pool', '.journal'), { recursive: true, force: true, maxRetries: 5 });
      const statuses = await Promise.all(turns.map(async (it) => (await it).status));
      servedTurns += statuses.filter((it) => it === 200).length;
      // Two refreshes in a row can make a token end between a refresh and the turn that waited for it.
      for (const { origin } of programs)
        for (const account of ['a', 'b'])
          await call(origin, { method: 'POST', path: `/admin/accounts/${account}/reset` });
    }
    expect(servedTurns).toBeGreaterThanOrEqual(ROUNDS * 3);
    expect(fakeUpstream.tokens.reuses).toBe(0);
    const sent = fakeUpstream.tokens.requests.map((it) => it.refreshToken);
    expect(sent).toHaveLength(new Set(sent).size);
  });
});
