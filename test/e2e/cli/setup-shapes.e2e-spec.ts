import { chmod, readFile, stat } from 'node:fs/promises';
import { parse } from 'smol-toml';
import { beforeAll, expect, it, vi } from 'vitest';
import { buildProgram } from '../../support/program/child-process.js';
import { CommandHome } from '../../support/program/command-home.js';

// Each command is a process of its own; the build may take a while on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 });
beforeAll(async () => void (await buildProgram()));

const ORIGIN = 'http://127.0.0.1:8989';
const OURS = { openai_base_url: `${ORIGIN}/v1`, chatgpt_base_url: `${ORIGIN}/backend-api` };
const BOM = '\uFEFF';
const projects = Array.from(
  { length: 17_000 },
  (_, at) => `[projects."/home/u/p${at}"]\ntrust_level = "trusted" # ${at}\n`,
).join('');

const read = (bytes: string | Uint8Array): Record<string, unknown> =>
  parse(Buffer.from(bytes).toString('utf8').replace(BOM, ''));

const shapes: readonly [string, string][] = [
  ['an empty file', ''],
  ['CRLF', '# c\r\nmodel = "gpt"\r\n\r\n[a]\r\nb = 1\r\n'],
  ['a byte order mark', `${BOM}model = "gpt"\n[a]\nb = 1\n`],
  ['a byte order mark and CRLF above a table', `${BOM}[a]\r\nb = 1`],
  ['no final line break', 'model = "gpt"'],
  ['tabs', '\tmodel\t=\t"gpt"\t# c\n\t[a]\n\t\tb\t=\t1\n'],
  ['inline tables and arrays of tables', 'a = { b = 1 }\n[[c]]\nd = 1\n[[c]]\nd = 2\n'],
  ['dotted keys', 'a.b = 1\n"c.d".e = 2\n[t]\nu.v = 1\n'],
  ['our keys as two kinds of strings', `openai_base_url = 'http://a' # c\nchatgpt_base_url = "http://b"\n`],
  ['our keys as multi-line strings', `openai_base_url = """\nhttp://a"""\nmodel_provider = '''\nx\n'''\n`],
  ['our keys commented out', '# openai_base_url = "http://a"\n\n[a]\nb = 1 # chatgpt_base_url\n'],
  ['a foreign provider', 'model_provider = "azure"\n[model_providers.azure]\nname = "Azure"\n'],
  ['keys twice in profiles', '[profiles.x]\nmodel = "a"\n[profiles.y]\nmodel = "a"\n'],
  ['1 MB', `model = "gpt"\n${projects}`],
];

it('one of the shapes has 1 MB', () => {
  expect(Buffer.byteLength(projects)).toBeGreaterThan(900_000);
});

it.each(shapes)(
  'a setup changes only its keys in %s, and its undo restores every byte',
  async (_name, text) => {
    await using home = await CommandHome.create(text);
    await chmod(home.config, 0o640);
    const before = await home.tree();
    const setup = await home.run(['setup', '--yes']);
    expect(setup).toMatchObject({ code: 0, stderr: expect.stringContaining('restart it') });
    const provider = 'model_provider' in read(text) ? { model_provider: 'openai' } : {};
    expect(read(await readFile(home.config))).toEqual({ ...read(text), ...OURS, ...provider });
    expect((await stat(home.config)).mode & 0o777).toBe(0o640);
    const undo = await home.run(['undo']);
    expect(undo).toMatchObject({ code: 0, stdout: expect.stringContaining('as before the setup') });
    expect(await home.tree()).toEqual(before);
  },
);
