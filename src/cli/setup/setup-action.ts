import { mkdir, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { CommandError } from '../command/command-error.js';
import type { Output } from '../command/output.js';
import { askToGoOn } from './ask.js';
import { type ClientLogin, clientLogin, hasLogin, writeLogin } from './client-login.js';
import { codexHome, type CodexHome, stateFolder } from '../codex-config/codex-home.js';
import { writeConfigFile } from '../codex-config/config-file.js';
import { draftedBytes, draftSetup, type SetupDraft } from './setup-draft.js';
import { SetupJournal, type SetupRecord } from './setup-journal.js';
import type { SetupOptions } from './setup-options.js';
import { showDraft, tellChanges, tellNotes } from './setup-report.js';
import { wantedKeys } from '../codex-config/wanted-keys.js';

/** How often a setup starts again because another program has changed the file meanwhile. */
const MAX_TRIES = 3;

/**
 * Points Codex at the proxy.
 * @throws CommandError if it cannot; Codex's config is then as before
 */
export async function setup(options: SetupOptions, output: Output, env: NodeJS.ProcessEnv): Promise<void> {
  const home = codexHome(env);
  const journal = new SetupJournal(stateFolder(env));
  const wanted = wantedKeys(options.mode, options.origin);
  const keepsLogin = options.withLogin && (await hasLogin(home.loginFile));
  const login = options.withLogin && !keepsLogin ? clientLogin(options.clientToken) : null;
  const draft = (): Promise<SetupDraft> => draftSetup(home, journal, wanted);
  let made = await draft();
  if (showDraft(made, login, home, output) && !options.dryRun) {
    if (!options.yes) await askToGoOn('Make this change?');
    await using _lock = await journal.lock();
    made = await apply({ shown: made, draft, isBinding: !options.yes }, login, home, journal);
    tellChanges(made, options, output);
    if (login !== null) {
      output.note(
        'Codex lists the sessions of its current login only; those of an earlier login are not lost.',
      );
    }
  }
  if (keepsLogin) output.note(`Codex has a login already, which is kept: ${home.loginFile}`);
  await tellNotes(made, options, home, wanted, output);
}

/** What was shown to the person, and a way to look again. If it is binding, nothing else may be written. */
interface Shown {
  readonly shown: SetupDraft;
  readonly draft: () => Promise<SetupDraft>;
  readonly isBinding: boolean;
}

async function apply(
  { shown, draft, isBinding }: Shown,
  login: ClientLogin | null,
  home: CodexHome,
  journal: SetupJournal,
): Promise<SetupDraft> {
  for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
    const now = await draft();
    if (isBinding && now.after !== shown.after) break;
    if (await write(now, login, home, journal)) return now;
  }
  throw new CommandError(
    `${home.configFile} was changed by another program meanwhile: run \`codex-pool setup\` again. Nothing was changed.`,
  );
}

/** Writes the record for `undo` first, then the files. Returns false if the config has been changed meanwhile. */
async function write(
  draft: SetupDraft,
  login: ClientLogin | null,
  home: CodexHome,
  journal: SetupJournal,
): Promise<boolean> {
  const { file, record } = draft;
  const next = recordOf(draft, login, home);
  await journal.write(next);
  let isNewFolder = false;
  try {
    if (!file.hasFolder) isNewFolder = await makeFolder(home.folder);
    const isWritten = draft.after === draft.before.text || (await writeConfigFile(file, draftedBytes(draft)));
    if (!isWritten) {
      await restore(journal, record, next);
      return false;
    }
  } catch (error) {
    if (isNewFolder) await rmdir(home.folder).catch(() => undefined);
    await restore(journal, record, next);
    throw error;
  }
  const isLoginOurs = login !== null && (await writeLogin(home.loginFile, login));
  await journal.write({ ...next, earlier: [], login: isLoginOurs ? next.login : (record?.login ?? null) });
  return true;
}

function recordOf(draft: SetupDraft, login: ClientLogin | null, { loginFile }: CodexHome): SetupRecord {
  const { file, changes, record } = draft;
  return {
    version: 1,
    path: file.path,
    realPath: file.realPath,
    changes: [...changes],
    earlier: record === null ? [] : [record.changes, ...record.earlier],
    createdFile: file.bytes === null || record?.createdFile === true,
    createdFolder: !file.hasFolder || record?.createdFolder === true,
    login: login === null ? (record?.login ?? null) : { path: loginFile, fingerprint: login.fingerprint },
  };
}

async function restore(journal: SetupJournal, before: SetupRecord | null, next: SetupRecord): Promise<void> {
  if (before === null) await journal.remove(next);
  else await journal.write(before);
}

async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw new CommandError(
      `${folder} cannot be created in ${dirname(folder)}: ${describeError(error)}. Nothing was changed.`,
    );
  }
}
