import { chmod, chown, link, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { buildProgram } from '../../support/program/child-process.js';
import { CommandHome, endOf } from '../../support/program/command-home.js';

// Each command is a process of its own; the build may take a while on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 180_000 });
beforeAll(async () => void (await buildProgram()));

type Prepare = (home: CommandHome) => Promise<Readonly<Record<string, string | undefined>> | void>;

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const asNobody = [
  'setpriv',
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  '--clear-groups',
  process.execPath,
] as const;
const text = 'model = "gpt"\n';

const written =
  (content: string | Uint8Array): Prepare =>
  async (home) =>
    writeFile(home.config, content);

/** Makes a home in which the config is in another place. */
const moved = async (home: CommandHome, target: string): Promise<void> => {
  await rename(home.config, join(home.folder, 'dotfiles.toml'));
  await symlink(target, home.config);
};

const faults: readonly [string, Prepare, string][] = [
  ['broken TOML', written('a = 1\nb = \n[c\n'), 'is not valid TOML: '],
  ['a key twice', written('a = 1\na = 2\n'), '(line 2, column 1)'],
  ['our key twice', written('openai_base_url = "a"\nopenai_base_url = "b"\n'), '(line 2, column 1)'],
  ['a dotted key in the way', written('openai_base_url.a = 1\n'), 'Line 1 of config.toml'],
  ['a table in the way', written('[chatgpt_base_url]\na = 1\n'), 'is in the way of chatgpt_base_url'],
  ['UTF-16', written(Buffer.from(`\uFEFF${text}`, 'utf16le')), 'is UTF-16'],
  ['UTF-16 of the other order', written(Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()), 'is UTF-16'],
  ['invalid UTF-8', written(Buffer.from('61203d20310a62203d2022ff220a', 'hex')), 'is not UTF-8 (line 2)'],
  ['a truncated character', written(Buffer.from('6120c3', 'hex')), 'is not UTF-8 (line 1)'],
  ['a file of 9 MiB', written('#'.repeat(9 * 1_024 * 1_024)), 'is larger than 8 MiB'],
  [
    'a folder in its place',
    async (home) => {
      await rm(home.config);
      await mkdir(home.config);
    },
    'is a folder',
  ],
  [
    'a link to nothing',
    async (home) => moved(home, 'nowhere.toml'),
    'is a link to nowhere.toml, which does not exist',
  ],
  ['a link to itself', async (home) => moved(home, 'config.toml'), 'lead in a circle'],
  ['a read-only file', async (home) => chmod(home.config, 0o444), 'is read-only'],
  [
    'a file with two names',
    async (home) => link(home.config, join(home.folder, 'other')),
    'several hard links',
  ],
  ['no HOME', async () => ({ HOME: undefined }), 'HOME is not set'],
  ['an empty HOME', async () => ({ HOME: '' }), 'HOME is not set'],
  [
    'a HOME that does not exist',
    async (home) => ({ HOME: join(home.folder, 'no', 'where') }),
    'does not exist',
  ],
  ['a relative HOME', async () => ({ HOME: 'here' }), 'HOME is not an absolute path'],
  [
    'a file as CODEX_HOME',
    async (home) => ({ CODEX_HOME: home.config }),
    'a file is where its folder should be',
  ],
  [
    'a state folder that is a file',
    async (home) => ({ XDG_STATE_HOME: home.config }),
    'set XDG_STATE_HOME to another folder',
  ],
];

describe('a setup refuses, and changes nothing:', () => {
  it.each(faults)('%s', async (_name, prepare, sentence) => {
    await using home = await CommandHome.create(text);
    const env = (await prepare(home)) ?? {};
    const before = await home.tree();
    const end = await home.run(['setup', '--yes', '--client-login'], env);
    expect(end).toMatchObject({ code: expect.toBeOneOf([1, 2]), stderr: expect.stringContaining(sentence) });
    expect(end.stderr).toContain('Nothing was changed.');
    expect(end.stderr).not.toMatch(/^\s+at /m);
    expect(await home.tree()).toEqual(before);
  });

  it.runIf(isRoot)('a file of another user, unless root edits it, who keeps its owner', async () => {
    await using home = await CommandHome.create(text);
    await chown(home.config, 1_234, 1_234);
    await chmod(home.config, 0o666);
    for (const it of [home.folder, home.codexFolder]) await chown(it, NOBODY, NOBODY);
    const before = await home.tree();
    expect(await endOf(home.startAs(asNobody, ['setup', '--yes']))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('belongs to another user (uid 1234)'),
    });
    expect(await home.tree()).toEqual(before);
    expect(await home.run(['setup', '--yes'])).toMatchObject({ code: 0 });
    expect(await stat(home.config)).toMatchObject({ uid: 1_234, gid: 1_234, mode: 0o100_666 });
    expect(await home.run(['undo'])).toMatchObject({ code: 0 });
    expect(await readFile(home.config, 'utf8')).toBe(text);
  });

  it.runIf(isRoot)('a folder that this user may not write in, or not read', async () => {
    await using home = await CommandHome.create(text);
    await chown(home.config, NOBODY, NOBODY);
    await chown(home.folder, NOBODY, NOBODY);
    await chmod(home.codexFolder, 0o755);
    const before = await home.tree();
    for (const mode of [0o755, 0o700]) {
      await chmod(home.codexFolder, mode);
      const end = await endOf(home.startAs(asNobody, ['setup', '--yes']));
      expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('correct their owner or mode') });
    }
    await chmod(home.codexFolder, 0o755);
    expect(await home.tree()).toEqual(before);
  });
});

describe('an undo refuses, and changes nothing:', () => {
  it.each<[string, Prepare, string]>([
    ['broken TOML', written('a = \n'), 'is not valid TOML'],
    ['a read-only file', async (home) => chmod(home.config, 0o444), 'is read-only'],
    [
      'a damaged record',
      async (home) => {
        for (const it of await home.records()) await writeFile(it, '{"version":1}');
      },
      'is damaged',
    ],
    ['no HOME', async () => ({ HOME: undefined }), 'HOME is not set'],
  ])('%s', async (_name, prepare, sentence) => {
    await using home = await CommandHome.create(text);
    expect(await home.run(['setup', '--yes'])).toMatchObject({ code: 0 });
    const env = (await prepare(home)) ?? {};
    const before = await home.tree();
    expect(await home.run(['undo'], env)).toMatchObject({
      code: expect.toBeOneOf([1, 2]),
      stderr: expect.stringContaining(sentence),
    });
    expect(await home.tree()).toEqual(before);
  });
});

describe('a link', () => {
  it('is followed, and stays', async () => {
    await using home = await CommandHome.create(text);
    await moved(home, '../dotfiles.toml');
    const before = await home.tree();
    expect(await home.run(['setup', '--yes'])).toMatchObject({ code: 0 });
    expect(await readFile(join(home.folder, 'dotfiles.toml'), 'utf8')).toContain('openai_base_url');
    expect(await home.run(['undo'])).toMatchObject({ code: 0 });
    expect(await home.tree()).toEqual(before);
  });

  it('of the whole folder is followed, and stays', async () => {
    await using home = await CommandHome.create(text);
    await rename(home.codexFolder, join(home.folder, 'real'));
    await symlink('real', home.codexFolder);
    const before = await home.tree();
    expect(await home.run(['setup', '--yes'])).toMatchObject({ code: 0 });
    const env = { CODEX_HOME: join(home.folder, 'real') };
    expect((await home.run(['setup', '--yes'], env)).stdout).toContain('Already set up');
    expect(await home.run(['undo'], env)).toMatchObject({ code: 0 });
    expect(await home.tree()).toEqual(before);
  });

  it('that was replaced by a file after the setup: both files lose our keys', async () => {
    await using home = await CommandHome.create(text);
    const target = join(home.folder, 'dotfiles.toml');
    await moved(home, target);
    await home.run(['setup', '--yes']);
    const ours = await readFile(target);
    await rm(home.config);
    await writeFile(home.config, ours); // as an editor does
    expect(await home.run(['undo'])).toMatchObject({ code: 0 });
    for (const it of [home.config, target]) expect(await readFile(it, 'utf8')).toBe(text);
    expect(await home.records()).toEqual([]);
    expect(dirname(target)).toBe(home.folder);
  });
});
