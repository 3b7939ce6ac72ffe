import { rmdir } from 'node:fs/promises';
import type { Output } from '../command/output.js';
import { CommandError } from '../command/command-error.js';
import { removeLogin } from './client-login.js';
import { codexHome, type CodexHome, stateFolder } from '../codex-config/codex-home.js';
import type { ConfigChange } from '../codex-config/config-change.js';
import { ConfigDocument } from '../codex-config/config-document.js';
import { differOnlyIn, pathsOf } from '../codex-config/config-facts.js';
import {
  type ConfigFile,
  readConfigFile,
  refuseReadOnly,
  writeConfigFile,
} from '../codex-config/config-file.js';
import { daemonNote } from './config-notes.js';
import { decodeConfig, encodeConfig } from '../codex-config/config-text.js';
import { COMMENT } from '../codex-config/plan-setup.js';
import { type KeptKey, planUndo } from '../codex-config/plan-undo.js';
import { SetupJournal, type SetupRecord } from './setup-journal.js';
import { unifiedDiff } from '../codex-config/unified-diff.js';

/** How often an undo starts again because another program has changed the file meanwhile. */
const MAX_TRIES = 3;

/**
 * Takes back what `setup` has changed, as far as it still has our values. Needs no settings of the program.
 * @throws CommandError if it cannot; Codex's config is then as before
 */
export async function undo(
  { dryRun }: { readonly dryRun: boolean },
  output: Output,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const home = codexHome(env);
  const journal = new SetupJournal(stateFolder(env));
  const file = await readConfigFile(home.configFile);
  const found = await journal.find(file.path, file.realPath);
  if (found === null) {
    output.line(`Nothing to undo: \`codex-pool setup\` has changed nothing in ${home.configFile}.`);
    return;
  }
  if (dryRun) {
    for (const it of await filesOf(home, found)) output.line(diffOf(it, found).trimEnd());
    return;
  }
  await using _lock = await journal.lock();
  const record = (await journal.find(file.path, file.realPath)) ?? found;
  let isChanged = false;
  for (const it of await filesOf(home, record)) isChanged = (await undoFile(it, record, output)) || isChanged;
  if (record.login !== null) {
    const isGone = await removeLogin(record.login.path, record.login.fingerprint);
    output.line(
      isGone
        ? `Removed the placeholder login: ${record.login.path}`
        : `Kept ${record.login.path}: it is no longer the placeholder login of the setup.`,
    );
  }
  if (record.createdFolder) await rmdir(home.folder).catch(() => undefined); // Codex may have files in it
  await journal.remove(record);
  if (!isChanged) return;
  output.note('Codex reads its settings when it starts: restart it where it runs.');
  const daemon = await daemonNote(home);
  if (daemon !== null) output.note(daemon);
}

/** The file that Codex reads, and the one that it read when it was set up, if a link led there. */
async function filesOf(home: CodexHome, record: SetupRecord): Promise<ConfigFile[]> {
  const file = await readConfigFile(home.configFile);
  return record.realPath === file.realPath ? [file] : [file, await readConfigFile(record.realPath)];
}

/** Returns whether the file was changed. */
async function undoFile(first: ConfigFile, record: SetupRecord, output: Output): Promise<boolean> {
  let file = first;
  for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
    if (file.bytes === null) {
      output.line(`${file.path} is gone: nothing to take back there.`);
      return false;
    }
    const { before, after, hasBom, kept } = undone(file, file.bytes, record);
    const isChanged = before !== after;
    if (isChanged) await refuseReadOnly(file);
    const bytes = after === '' && record.createdFile ? null : encodeConfig({ text: after, hasBom });
    const isWritten = (!isChanged && bytes !== null) || (await writeConfigFile(file, bytes));
    if (isWritten) {
      tellFile(file, isChanged, bytes === null, kept, output);
      return isChanged;
    }
    file = await readConfigFile(first.path);
  }
  throw new CommandError(
    `${first.path} was changed by another program meanwhile: run \`codex-pool undo\` again. Nothing was changed.`,
  );
}

function undone(file: ConfigFile, bytes: Buffer, record: SetupRecord) {
  const { text: before, hasBom } = decodeConfig(file.path, bytes);
  const generations = generationsOf(record);
  const current = ConfigDocument.parse(file.path, before);
  const { document, kept } = planUndo(current, generations);
  if (!differOnlyIn(current, document, pathsOf(generations.flat()), COMMENT)) {
    throw new CommandError(
      `${file.path} without our keys would differ in more: this is a fault of codex-pool, please report it with the form of your file. Nothing was changed.`,
    );
  }
  return { before, after: document.text, hasBom, kept };
}

function generationsOf(record: SetupRecord): (readonly ConfigChange[])[] {
  return [record.changes, ...record.earlier];
}

function diffOf(file: ConfigFile, record: SetupRecord): string {
  if (file.bytes === null) return `${file.path} is gone: nothing to take back there.`;
  const { before, after } = undone(file, file.bytes, record);
  return before === after ? `Nothing to take back in ${file.path}.` : unifiedDiff(file.path, before, after);
}

function tellFile(
  { path }: ConfigFile,
  isChanged: boolean,
  isRemoved: boolean,
  kept: readonly KeptKey[],
  output: Output,
): void {
  if (isRemoved) output.line(`Removed ${path}, which the setup had created.`);
  else if (isChanged && kept.length === 0) output.line(`Restored ${path}: it is as before the setup.`);
  else if (isChanged) output.line(`Took back our other changes in ${path}.`);
  else if (kept.length === 0) output.line(`${path} is as before the setup already.`);
  for (const { name, why } of kept) {
    output.line(
      why === 'changed'
        ? `Left ${name} as it is: it was changed after the setup.`
        : `Left ${name} out: it was removed after the setup.`,
    );
  }
}
