import { existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { STALE_LOCK_MS, trySidecarLock } from '../../../src/runtime/files/sidecar-lock.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { Child } from '../../codex/support/child.js';
import { buildProgram } from '../../support/program/child-process.js';
import { eventually } from '../../support/eventually.js';
import { Folders } from '../../support/program/usage-program.js';

const support = fileURLToPath(new URL('../../support/disk/', import.meta.url));
const withoutKernelLock = `--import=${pathToFileURL(join(support, 'without-kernel-lock.mjs')).href}`;
const PATIENCE_MS = 15_000;
/** Allows for several renewals on a slow machine. */
const LATE_MS = 3_000;

/** A folder with one file, and the processes that compete for its lock. */
class Contest implements AsyncDisposable {
  readonly #children: Child[] = [];
  private constructor(
    private readonly folder: string,
    private readonly dist: string,
    private readonly options: string,
  ) {}

  static async create(options: string): Promise<Contest> {
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-lock-'));
    return new Contest(folder, dirname(await buildProgram()), options);
  }

  get path(): string {
    return join(this.folder, 'locked');
  }

  /** Starts a process that tries to lock; `waited` resolves with the outcome. */
  enter(patienceMs: number): { child: Child; waited: Promise<{ isGranted: boolean; ms: number }> } {
    const args = [join(support, 'lock-holder.mjs'), this.dist, this.path, String(patienceMs)];
    const env = { NODE_OPTIONS: this.options };
    const child = new Child(process.execPath, args, { env, cwd: this.folder, withInput: true });
    this.#children.push(child);
    const waited = child.until(({ stdout }) => {
      const found = /^(granted|refused) after (\S+) ms$/m.exec(stdout);
      return found === null ? null : { isGranted: found[1] === 'granted', ms: Number(found[2]) };
    }, 'its report on the lock');
    return { child, waited };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      child.kill('SIGKILL');
      await child.ended;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

beforeAll(buildProgram, 120_000);

const mechanisms = [
  { name: "the system's own lock", options: '', freeAfterDeathMs: 0 },
  { name: 'a lock file', options: withoutKernelLock, freeAfterDeathMs: STALE_LOCK_MS },
];

describe.concurrent.each(mechanisms)('$name', { timeout: 60_000 }, ({ options, freeAfterDeathMs }) => {
  it('is held by one process for longer than the stale time, and passes to the next when that process ends', async () => {
    await using contest = await Contest.create(options);
    const first = contest.enter(0);
    expect(await first.waited).toMatchObject({ isGranted: true });
    expect(existsSync(`${contest.path}.lock`)).toBe(options === withoutKernelLock);
    expect(await contest.enter(0).waited).toMatchObject({ isGranted: false });
    expect(await contest.enter(STALE_LOCK_MS + LATE_MS).waited).toMatchObject({ isGranted: false });
    const next = contest.enter(PATIENCE_MS);
    first.child.writeLine('close');
    expect(await next.waited).toMatchObject({ isGranted: true });
    await first.child.ended;
    next.child.writeLine('close');
    expect(await next.child.ended).toMatchObject({ code: 0 });
    expect(existsSync(`${contest.path}.lock`)).toBe(false);
    expect(first.child.stderr + next.child.stderr).toBe('');
  });

  it('is free soon after its holder was killed', async () => {
    await using contest = await Contest.create(options);
    const dead = contest.enter(0);
    expect(await dead.waited).toMatchObject({ isGranted: true });
    const next = contest.enter(PATIENCE_MS);
    dead.child.kill('SIGKILL');
    const { isGranted, ms } = await next.waited;
    expect(isGranted).toBe(true);
    expect(ms).toBeLessThan(freeAfterDeathMs + LATE_MS);
  });

  it('has one holder among many simultaneous attempts', async () => {
    await using contest = await Contest.create(options);
    const asked = Array.from({ length: 6 }, () => contest.enter(0));
    const granted = (await Promise.all(asked.map(async (it) => it.waited))).filter((it) => it.isGranted);
    expect(granted).toHaveLength(1);
  });
});

describe('a lock file', () => {
  it('is exclusive within one process, and throws if its entry cannot be created', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-lock-'));
    const path = join(folder, 'locked');
    const [one, other] = [await open(path, 'a'), await open(path, 'a')];
    expect(await trySidecarLock(one, path)).toBe(true);
    expect(await trySidecarLock(other, path)).toBe(false);
    await one.close();
    await eventually(
      async () => ((await trySidecarLock(other, path)) ? null : 'the lock is still held'),
      LATE_MS,
    );
    await other.close();
    await eventually(async () => (existsSync(`${path}.lock`) ? 'the entry is still there' : null), LATE_MS);
    const elsewhere = await open(path, 'a');
    await expect(trySidecarLock(elsewhere, join(folder, 'no-such', 'locked'))).rejects.toThrow('ENOENT');
    await elsewhere.close();
    await rm(folder, { recursive: true });
  });
});

describe('a program whose lock library does not load', { timeout: 90_000 }, () => {
  it('starts with one warning, serves, locks its database, and starts again after a kill', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const env = { NODE_OPTIONS: withoutKernelLock };
    await using folders = await Folders.create(fakeUpstream, ['a'], env);
    const first = await folders.start();
    fakeUpstream.account('a').expireAccessToken();
    expect((await first.turn()).status).toBe(200); // its refresh locks the journal
    expect(first.log.match(/"level":"warn"/g)).toHaveLength(1);
    expect(first.log).toContain('kernel file locks are unavailable');
    await expect(folders.start()).rejects.toThrow('another codex-pool is using');
    await first.kill9();
    const second = await folders.start();
    expect((await second.turn()).status).toBe(200);
    expect(await second.stop()).toEqual({ code: 0, signal: null });
    expect(existsSync(`${folders.database}.lock.lock`)).toBe(false);
  });
});
