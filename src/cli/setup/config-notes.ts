import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CodexHome } from '../codex-config/codex-home.js';
import type { ConfigDocument } from '../codex-config/config-document.js';
import type { WantedKey } from '../codex-config/wanted-keys.js';
import { type ConfigNote, elsewhereKeys, rootOf, ROUTING_KEYS } from './config-note.js';
import { SYSTEM_FOLDER } from './system-folder.js';
import { systemNotes } from './system-layers.js';

const PROFILE_FILE = /^([\w-]{1,64})\.config\.toml$/;
const MAX_PROFILES = 50;

/** Returns the other places that decide where Codex sends its requests, or seem to. */
export async function configNotes(
  home: CodexHome,
  document: ConfigDocument,
  wanted: readonly WantedKey[],
  systemFolder: string = SYSTEM_FOLDER,
): Promise<readonly ConfigNote[]> {
  return [
    ...(await systemNotes(systemFolder, document, wanted)),
    ...oldProfileNotes(document),
    ...notesIn(document),
    ...(await profileNotes(home, wanted)),
  ];
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

function oldProfileNotes(document: ConfigDocument): ConfigNote[] {
  const entry = document.entry([], 'profile');
  if (entry === null) return [];
  const name = entry.string ?? 'NAME';
  return [
    {
      code: 'config-profile-key',
      sentence: `Line ${document.lineAt(entry.range[0])}: profile = ${entry.source.slice(0, 80)}. Newer versions of Codex, such as 0.169, do not start with this key.`,
      repair: `Remove that line, and run \`codex --profile ${name}\` with the profile in ${name}.config.toml.`,
    },
  ];
}

function notesIn(document: ConfigDocument): ConfigNote[] {
  const notes: ConfigNote[] = [];
  for (const it of document.tables.flatMap((table) => table.entries)) {
    const key = String(it.path.at(-1));
    if (!ROUTING_KEYS.has(key)) continue;
    const line = document.lineAt(it.range[0]);
    const table = it.path.slice(0, -1).join('.');
    if (it.path[0] === 'profiles') {
      notes.push({
        code: 'config-elsewhere',
        repair: 'Change or remove it.',
        sentence: `Line ${line}: ${key} in [${table}] is left as it is. Codex before 0.134 follows it with \`--profile ${String(it.path[1])}\`, past the proxy; newer versions ignore it.`,
      });
    } else if (key !== 'model_provider') {
      notes.push({
        code: 'config-key-in-table',
        repair: 'codex-pool setup',
        sentence: `Line ${line}: ${key} in [${table}] is left as it is. It has no effect there: Codex reads it above the first [table] only.`,
      });
    }
  }
  return notes;
}

async function profileNotes(home: CodexHome, wanted: readonly WantedKey[]): Promise<ConfigNote[]> {
  const names = await readdir(home.folder).catch(() => []);
  const notes: ConfigNote[] = [];
  for (const name of names.filter((it) => PROFILE_FILE.test(it)).slice(0, MAX_PROFILES)) {
    const profile = PROFILE_FILE.exec(name)?.[1] ?? '';
    const entries = await rootOf(join(home.folder, name));
    if (entries === null) {
      notes.push({
        code: 'config-elsewhere',
        repair: 'Repair the file.',
        sentence: `The profile ${name} cannot be read: it may lead \`codex --profile ${profile}\` past the proxy.`,
      });
      continue;
    }
    const keys = elsewhereKeys(entries, wanted);
    if (keys.length === 0) continue;
    notes.push({
      code: 'config-elsewhere',
      repair: 'Change or remove it.',
      sentence: `The profile ${name} sets ${keys.join(' and ')}, and is left as it is: \`codex --profile ${profile}\` goes past the proxy.`,
    });
  }
  return notes;
}
