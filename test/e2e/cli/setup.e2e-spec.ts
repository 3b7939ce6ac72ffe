import { readFile, stat } from 'node:fs/promises';
import { parse } from 'smol-toml';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { buildProgram } from '../../support/program/child-process.js';
import { CommandHome } from '../../support/program/command-home.js';

// Each command is a process of its own; the build may take a while on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 180_000 });
beforeAll(async () => void (await buildProgram()));

const ORIGIN = 'http://127.0.0.1:8989';
const OURS = { openai_base_url: `${ORIGIN}/v1`, chatgpt_base_url: `${ORIGIN}/backend-api` };
const small = 'model = "gpt"\n\n[a]\nb = 1\n';
const read = (bytes: string | Uint8Array): Record<string, unknown> =>
  parse(Buffer.from(bytes).toString('utf8'));

describe('a setup', () => {
  it('creates what is missing, for its user only, and its undo removes it', async () => {
    await using home = await CommandHome.create(null);
    const before = await home.tree();
    expect(await home.run(['setup', '--yes', '--client-login'])).toMatchObject({ code: 0 });
    expect(read(await readFile(home.config))).toEqual(OURS);
    for (const [path, mode] of [
      [home.codexFolder, 0o700],
      [home.config, 0o600],
      [home.login, 0o600],
    ] as const) {
      expect((await stat(path)).mode & 0o777).toBe(mode);
    }
    for (const it of await home.records()) expect((await stat(it)).mode & 0o777).toBe(0o600);
    expect(await home.run(['undo'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Removed') });
    expect(await home.tree()).toEqual(before);
  });

  it('only shows a unified diff with --dry-run', async () => {
    await using home = await CommandHome.create(small);
    const before = await home.tree();
    const { code, stdout } = await home.run(['setup', '--dry-run']);
    expect([code, await home.tree()]).toEqual([0, before]);
    expect(stdout).toBe(
      [
        `--- ${home.config}`,
        `+++ ${home.config}`,
        '@@ -1,4 +1,7 @@',
        ' model = "gpt"',
        '+# Codex works through codex-pool; `codex-pool undo` takes this back.',
        `+openai_base_url = "${OURS.openai_base_url}"`,
        `+chatgpt_base_url = "${OURS.chatgpt_base_url}"`,
        ' ',
        ' [a]',
        ' b = 1',
        '',
      ].join('\n'),
    );
    await home.run(['setup', '--yes']);
    const done = await home.tree();
    expect((await home.run(['undo', '--dry-run'])).stdout).toContain(`\n-openai_base_url = "${ORIGIN}/v1"\n`);
    expect(await home.tree()).toEqual(done);
  });

  it('needs --yes without a terminal', async () => {
    await using home = await CommandHome.create(small);
    const before = await home.tree();
    expect(await home.run(['setup'])).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    expect(await home.tree()).toEqual(before);
  });
});
