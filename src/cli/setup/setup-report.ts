import type { Output } from '../command/output.js';
import { type ClientLogin, hasLogin } from './client-login.js';
import type { CodexHome } from '../codex-config/codex-home.js';
import type { ConfigNote } from './config-note.js';
import { configNotes, daemonNote } from './config-notes.js';
import type { SetupDraft } from './setup-draft.js';
import type { SetupOptions } from './setup-options.js';
import { unifiedDiff } from '../codex-config/unified-diff.js';
import type { WantedKey } from '../codex-config/wanted-keys.js';

const MAX_SHOWN_VALUE = 200;

/** Shows what would change. Returns false if nothing would. */
export function showDraft(
  draft: SetupDraft,
  login: ClientLogin | null,
  home: CodexHome,
  output: Output,
): boolean {
  const diff = unifiedDiff(draft.file.path, draft.before.text, draft.after);
  if (diff !== '') output.line(diff.trimEnd());
  if (login !== null)
    output.line(`New file ${home.loginFile}: a placeholder login that belongs to no account.`);
  if (diff !== '' || login !== null) return true;
  output.line(
    draft.record === null
      ? `Codex works through the proxy already: ${draft.file.path} has these keys, not written by this command.`
      : `Already set up: ${draft.file.path}`,
  );
  return false;
}

/** Says what was done, and which values wait for the undo. */
export function tellChanges(draft: SetupDraft, { origin }: SetupOptions, output: Output): void {
  output.line(`Codex now works through ${origin}. \`codex-pool undo\` takes this back.`);
  for (const it of draft.changes) {
    if (it.kind !== 'replaced') continue;
    const name = [...it.table, it.key].join('.');
    output.line(`${name} was ${it.old.slice(0, MAX_SHOWN_VALUE)}; \`codex-pool undo\` restores it.`);
  }
}

/** Says what else decides whether Codex works through the proxy. */
export async function tellNotes(
  draft: SetupDraft,
  options: SetupOptions,
  home: CodexHome,
  wanted: readonly WantedKey[],
  output: Output,
): Promise<void> {
  const others = await configNotes(home, draft.document, wanted);
  const notes = [...others.map(noteText), ...(await loginNotes(options, home))];
  if (draft.before.text !== draft.after && !options.dryRun) {
    notes.push('Codex reads its settings when it starts: restart it where it runs.');
    const daemon = await daemonNote(home);
    if (daemon !== null) notes.push(daemon);
  }
  for (const it of notes) output.note(it);
}

/** Returns a note for `setup`: with its repair where setup itself cannot help. */
function noteText({ code, sentence, repair }: ConfigNote): string {
  return code === 'config-elsewhere' || code === 'config-key-in-table' ? sentence : `${sentence} ${repair}`;
}

async function loginNotes({ withLogin, clientToken }: SetupOptions, home: CodexHome): Promise<string[]> {
  if (withLogin) return [];
  if (clientToken !== null) {
    return [
      'PROXY_CLIENT_TOKEN is set, so Codex must send it: `codex-pool setup --client-login` writes a login that does, where Codex has none.',
    ];
  }
  if (await hasLogin(home.loginFile)) return [];
  return [
    'Codex needs some login, which the proxy replaces: `codex login`, or `codex-pool setup --client-login` for one that belongs to no account.',
  ];
}
