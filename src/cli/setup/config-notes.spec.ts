import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { codexHome } from '../codex-config/codex-home.js';
import { ConfigDocument } from '../codex-config/config-document.js';
import { wantedKeys } from '../codex-config/wanted-keys.js';
import { configNotes } from './config-notes.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-pool-notes-'));
  await mkdir(join(folder, 'system'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const ORIGIN = 'http://127.0.0.1:8989';
/** Returns the notes about a config of the user, beside those files of the machine. */
async function notesOf(own: string, system: Readonly<Record<string, string>> = {}) {
  for (const [name, text] of Object.entries(system)) await writeFile(join(folder, 'system', name), text);
  const document = ConfigDocument.parse('config.toml', own);
  const home = codexHome({ CODEX_HOME: join(folder, 'home') });
  return await configNotes(home, document, wantedKeys('root-keys', ORIGIN), join(folder, 'system'));
}

describe('notes on the other configs that Codex reads', () => {
  it('are none without such configs, and where they agree', async () => {
    expect(await notesOf('model = "gpt-5.5"\n')).toEqual([]);
    const same = `model_provider = "openai"\nopenai_base_url = "${ORIGIN}/v1"\nmodel = "x"\n`;
    expect(await notesOf('', { 'managed_config.toml': same, 'config.toml': same })).toEqual([]);
  });

  it('name what the managed config of the machine overrides', async () => {
    const managed = 'openai_base_url = "https://corp.example/v1"\nmodel_provider = "corp"\n';
    expect(await notesOf('', { 'managed_config.toml': managed })).toEqual([
      expect.objectContaining({
        code: 'config-managed',
        sentence: expect.stringContaining('managed_config.toml sets openai_base_url and model_provider'),
      }),
    ]);
  });

  it('name the provider of the machine, unless the config of the user has one', async () => {
    const system = {
      'config.toml': 'model_provider = "corp"\nopenai_base_url = "https://corp.example/v1"\n',
    };
    expect(await notesOf('', system)).toMatchObject([{ code: 'config-system-provider' }]);
    expect(await notesOf('model_provider = "openai"\n', system)).toEqual([]);
    expect(await notesOf('', { 'config.toml': 'openai_base_url = "https://corp.example/v1"\n' })).toEqual([]);
  });

  it('name the key with which newer versions of Codex do not start', async () => {
    expect(await notesOf('model = "x"\nprofile = "work"\n')).toMatchObject([
      {
        code: 'config-profile-key',
        sentence: expect.stringMatching(/^Line 2: profile = "work"\./),
        repair: expect.stringContaining('work.config.toml'),
      },
    ]);
  });
});
