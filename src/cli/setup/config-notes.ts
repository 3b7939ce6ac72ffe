import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CodexHome } from '../codex-config/codex-home.js';
import { ConfigDocument, type Entry, hasValue } from '../codex-config/config-document.js';
import { decodeConfig } from '../codex-config/config-text.js';
import type { WantedKey } from '../codex-config/wanted-keys.js';

const PROFILE_FILE = /^([\w-]{1,64})\.config\.toml$/;
const MAX_PROFILE_BYTES = 1_024 * 1_024;
const MAX_PROFILES = 50;
const ROUTING_KEYS: ReadonlySet<string> = new Set(['model_provider', 'openai_base_url', 'chatgpt_base_url']);

/** Returns a sentence for each other place that decides where Codex sends its requests, or seems to. */
export async function configNotes(
  home: CodexHome,
  document: ConfigDocument,
  wanted: readonly WantedKey[],
): Promise<string[]> {
  return [...notesIn(document), ...(await profileNotes(home, wanted))];
}

/** Returns the sentence about Codex's daemon, which keeps the settings that it started with; null if none seems to run. */
export async function daemonNote(home: CodexHome): Promise<string | null> {
  const isThere = await stat(join(home.folder, 'app-server-daemon', 'daemon.pid')).then(
    () => true,
    () => false,
  );
  return isThere
    ? "The daemon of Codex's terminal UI keeps its old settings until you restart it: `codex app-server daemon restart`."
    : null;
}

function notesIn(document: ConfigDocument): string[] {
  const notes: string[] = [];
  for (const it of document.tables.flatMap((table) => table.entries)) {
    const key = String(it.path.at(-1));
    if (!ROUTING_KEYS.has(key)) continue;
    const line = document.lineAt(it.range[0]);
    const table = it.path.slice(0, -1).join('.');
    if (it.path[0] === 'profiles') {
      notes.push(
        `Line ${line}: ${key} in [${table}] is left as it is. Codex before 0.134 follows it with \`--profile ${String(it.path[1])}\`, past the proxy; newer versions ignore it.`,
      );
    } else if (key !== 'model_provider') {
      notes.push(
        `Line ${line}: ${key} in [${table}] is left as it is. It has no effect there: Codex reads it above the first [table] only.`,
      );
    }
  }
  return notes;
}

async function profileNotes(home: CodexHome, wanted: readonly WantedKey[]): Promise<string[]> {
  const names = await readdir(home.folder).catch(() => []);
  const notes: string[] = [];
  for (const name of names.filter((it) => PROFILE_FILE.test(it)).slice(0, MAX_PROFILES)) {
    const profile = PROFILE_FILE.exec(name)?.[1] ?? '';
    const entries = await rootOf(join(home.folder, name));
    if (entries === null) {
      notes.push(
        `The profile ${name} cannot be read: it may lead \`codex --profile ${profile}\` past the proxy.`,
      );
      continue;
    }
    const keys = entries.filter((it) => isElsewhere(it, wanted)).map((it) => String(it.path[0]));
    if (keys.length === 0) continue;
    notes.push(
      `The profile ${name} sets ${keys.join(' and ')}, and is left as it is: \`codex --profile ${profile}\` goes past the proxy.`,
    );
  }
  return notes;
}

function isElsewhere(entry: Entry, wanted: readonly WantedKey[]): boolean {
  const [key] = entry.path;
  if (entry.path.length !== 1 || !ROUTING_KEYS.has(String(key))) return false;
  return !wanted.some((it) => it.table.length === 0 && it.key === key && hasValue(entry, it.value));
}

async function rootOf(path: string): Promise<readonly Entry[] | null> {
  try {
    const facts = await stat(path);
    if (!facts.isFile() || facts.size > MAX_PROFILE_BYTES) return null;
    return ConfigDocument.parse(path, decodeConfig(path, await readFile(path)).text).root;
  } catch {
    return null;
  }
}
