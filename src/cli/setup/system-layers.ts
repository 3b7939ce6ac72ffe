import { join } from 'node:path';
import type { ConfigDocument } from '../codex-config/config-document.js';
import type { WantedKey } from '../codex-config/wanted-keys.js';
import { MANAGED_FILE } from './system-folder.js';
import { type ConfigNote, elsewhereKeys, rootOf } from './config-note.js';

/** Returns what the config of the machine overrides, as seen with Codex 0.169.0 (docs/protocol.md, section 11). */
export async function systemNotes(
  folder: string,
  document: ConfigDocument,
  wanted: readonly WantedKey[],
): Promise<readonly ConfigNote[]> {
  const notes = [...(await managedNotes(folder, wanted))];
  const path = join(folder, 'config.toml');
  const keys = elsewhereKeys((await rootOf(path)) ?? [], wanted);
  if (keys.includes('model_provider') && document.entry([], 'model_provider') === null) {
    notes.push({
      code: 'config-system-provider',
      sentence: `${path} sets model_provider, and your config.toml does not: turns go to that provider, past the proxy.`,
      repair: 'Add model_provider = "openai" above the first [table] of your config.toml.',
    });
  }
  return notes;
}

/** Returns what no config of the user, and no `-c`, can change. */
export async function managedNotes(
  folder: string,
  wanted: readonly WantedKey[],
): Promise<readonly ConfigNote[]> {
  const path = join(folder, MANAGED_FILE);
  const keys = elsewhereKeys((await rootOf(path)) ?? [], wanted);
  if (keys.length === 0) return [];
  return [
    {
      code: 'config-managed',
      sentence: `${path} sets ${keys.join(' and ')}, and wins over every other config: Codex goes past the proxy.`,
      repair: `Take ${keys.length === 1 ? 'that key' : 'those keys'} out of it, or ask the person who manages this machine.`,
    },
  ];
}
