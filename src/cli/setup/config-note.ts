import { readFile, stat } from 'node:fs/promises';
import { ConfigDocument, type Entry, hasValue } from '../codex-config/config-document.js';
import { decodeConfig } from '../codex-config/config-text.js';
import type { WantedKey } from '../codex-config/wanted-keys.js';

const MAX_BYTES = 1_024 * 1_024;
/** The keys that decide where Codex sends its requests. */
export const ROUTING_KEYS: ReadonlySet<string> = new Set([
  'model_provider',
  'openai_base_url',
  'chatgpt_base_url',
]);

/** Another place that decides where Codex sends its requests, or seems to. */
export interface ConfigNote {
  readonly code:
    | 'config-elsewhere'
    | 'config-key-in-table'
    | 'config-managed'
    | 'config-profile-key'
    | 'config-system-provider';
  readonly sentence: string;
  readonly repair: string;
}

/** Returns the keys that lead elsewhere, of the entries above the first header. */
export function elsewhereKeys(entries: readonly Entry[], wanted: readonly WantedKey[]): string[] {
  return entries.filter((it) => isElsewhere(it, wanted)).map((it) => String(it.path[0]));
}

function isElsewhere(entry: Entry, wanted: readonly WantedKey[]): boolean {
  const [key] = entry.path;
  if (entry.path.length !== 1 || !ROUTING_KEYS.has(String(key))) return false;
  return !wanted.some((it) => it.table.length === 0 && it.key === key && hasValue(entry, it.value));
}

/** Returns the entries of a config above its first header; null if it cannot be read. */
export async function rootOf(path: string): Promise<readonly Entry[] | null> {
  try {
    const facts = await stat(path);
    if (!facts.isFile() || facts.size > MAX_BYTES) return null;
    return ConfigDocument.parse(path, decodeConfig(path, await readFile(path)).text).root;
  } catch {
    return null;
  }
}
