import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { SeededRandom } from '../../support/seeded-random.js';
import { buildProgram } from '../../support/program/child-process.js';
import { CommandHome, endOf } from '../../support/program/command-home.js';

// Each command is a process of its own; the build may take a while on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 180_000 });
beforeAll(async () => void (await buildProgram()));

const text = 'model_provider = "azure" # mine\nmodel = "gpt"\n\n[a]\nb = 1\n';

describe('an undo after an edit', () => {
  it.each<[string, (config: string) => string, string, string[]]>([
    [
      'of our key',
      (it) => it.replace('8989/v1', '1/v1'),
      text.replace('\n\n', '\nopenai_base_url = "http://127.0.0.1:1/v1"\n\n'),
      ['Left openai_base_url as it is'],
    ],
    [
      'that deleted a key',
      (it) => it.replace(/^model_provider.*\n/, ''),
      text.replace(/^model_provider.*\n/, ''),
      ['Left model_provider out'],
    ],
    ['that replaced the file', () => 'x = 1\n', 'x = 1\n', ['Left model_provider out']],
    [
      'that reordered it',
      (it) => {
        const [provider, model, comment, ...rest] = it.split('\n');
        return [model, rest[1], comment, rest[0], provider, ...rest.slice(2)].join('\n');
      },
      'model = "gpt"\nmodel_provider = "azure" # mine\n\n[a]\nb = 1\n',
      ['it is as before the setup'],
    ],
    ['below ours', (it) => `${it}[c]\nd = 1\n`, `${text}[c]\nd = 1\n`, ['it is as before the setup']],
  ])('%s leaves the rest as it is', async (_name, edit, expected, sentences) => {
    await using home = await CommandHome.create(text);
    expect(await home.run(['setup', '--yes'])).toMatchObject({ code: 0 });
    await writeFile(home.config, edit(await readFile(home.config, 'utf8')));
    const { code, stdout } = await home.run(['undo']);
    expect([code, await readFile(home.config, 'utf8')]).toEqual([0, expected]);
    for (const it of sentences) expect(stdout).toContain(it);
    expect(await home.records()).toEqual([]);
    expect((await home.run(['undo'])).stdout).toContain('Nothing to undo');
  });

  it('that deleted the file or its folder says so, and forgets the setup', async () => {
    for (const folder of [false, true]) {
      await using home = await CommandHome.create(text);
      await home.run(['setup', '--yes']);
      await rm(folder ? home.codexFolder : home.config, { recursive: true });
      expect(await home.run(['undo'])).toMatchObject({ code: 0, stdout: expect.stringContaining('is gone') });
      expect(await home.records()).toEqual([]);
    }
  });
});

describe('a setup that was killed', () => {
  it('between its record and the file is repaired by the next setup or undo', async () => {
    for (const next of [[], ['setup']]) {
      await using home = await CommandHome.create(text);
      const before = await home.tree();
      await home.run(['setup', '--yes']);
      await writeFile(home.config, text); // the record is there, the file is as before
      for (const it of next) expect(await home.run([it, '--yes'])).toMatchObject({ code: 0 });
      expect(await home.run(['undo'])).toMatchObject({ code: 0 });
      expect(await home.tree()).toEqual(before);
    }
  });

  it('at any moment leaves a whole file, and its undo restores every byte', { timeout: 90_000 }, async () => {
    const seed = Number(process.env['SETUP_SEED'] ?? Date.now() % 1_000_000);
    const random = new SeededRandom(seed);
    await using home = await CommandHome.create(text);
    const before = await home.tree();
    const startedAt = performance.now();
    await home.run(['setup', '--yes']);
    const usualMs = performance.now() - startedAt;
    const saved = join(home.folder, 'saved');
    for (let round = 0; round < 12; round += 1) {
      const context = `SETUP_SEED=${seed}, round ${round}`;
      const env = { PROXY_LISTEN_ADDR: `127.0.0.1:${9_000 + round}` };
      const child = home.start(['setup', '--yes', ...(random.happens(0.5) ? ['--provider'] : [])], env);
      const killer = setTimeout(() => child.kill('SIGKILL'), random.between(0.5, 1.05) * usualMs);
      await endOf(child);
      clearTimeout(killer);
      const found = await readFile(home.config, 'utf8');
      expect([context, found.includes('b = 1')]).toEqual([context, true]);
      if (random.happens(0.5)) continue;
      await copyFile(home.config, saved);
      const undo = await home.run(['undo']);
      expect([context, undo.code, await readFile(home.config, 'utf8')]).toEqual([context, 0, text]);
      await rm(saved);
    }
    expect(await home.run(['undo'])).toMatchObject({ code: 0 });
    await home.run(['setup', '--yes']); // also removes what killed ones have left
    await home.run(['undo']);
    expect([`SETUP_SEED=${seed}`, await home.tree()]).toEqual([`SETUP_SEED=${seed}`, before]);
  });
});

it('setups at once leave one of them, and its undo restores every byte', async () => {
  await using home = await CommandHome.create(text);
  const before = await home.tree();
  const ports = [9_001, 9_002, 9_003, 9_004];
  const ends = await Promise.all(
    ports.map(async (port) => home.run(['setup', '--yes'], { PROXY_LISTEN_ADDR: `127.0.0.1:${port}` })),
  );
  for (const it of ends) expect(it).toMatchObject({ code: 0 });
  const found = /:(900\d)\/v1"/g;
  expect([...(await readFile(home.config, 'utf8')).matchAll(found)]).toHaveLength(1);
  expect(await home.records()).toHaveLength(1);
  await Promise.all([home.run(['undo']), home.run(['undo'])]);
  expect(await home.tree()).toEqual(before);
});
