import { CommandError } from '../command/command-error.js';
import type { CodexHome } from '../codex-config/codex-home.js';
import type { ConfigChange } from '../codex-config/config-change.js';
import { ConfigDocument, hasValue } from '../codex-config/config-document.js';
import { differOnlyIn, pathsOf } from '../codex-config/config-facts.js';
import { type ConfigFile, readConfigFile, refuseReadOnly } from '../codex-config/config-file.js';
import { type ConfigText, decodeConfig, emptyConfig, encodeConfig } from '../codex-config/config-text.js';
import { COMMENT, planSetup } from '../codex-config/plan-setup.js';
import { planUndo } from '../codex-config/plan-undo.js';
import type { SetupJournal, SetupRecord } from './setup-journal.js';
import type { WantedKey } from '../codex-config/wanted-keys.js';

/** A config as it is, and as a setup would leave it. */
export interface SetupDraft {
  readonly file: ConfigFile;
  readonly before: ConfigText;
  readonly after: string;
  readonly document: ConfigDocument;
  /** All changes between the file without any setup and `after`. */
  readonly changes: readonly ConfigChange[];
  /** The record of an earlier setup. */
  readonly record: SetupRecord | null;
}

/**
 * Reads Codex's config and plans a setup, from the state that it had before any earlier setup: its values remain the
 * ones that `undo` restores. Changes nothing.
 * @throws CommandError if the file cannot be edited
 */
export async function draftSetup(
  home: CodexHome,
  journal: SetupJournal,
  wanted: readonly WantedKey[],
): Promise<SetupDraft> {
  const file = await readConfigFile(home.configFile);
  const before = file.bytes === null ? emptyConfig : decodeConfig(file.path, file.bytes);
  const record = await journal.find(file.path, file.realPath);
  const generations = record === null ? [] : [record.changes, ...record.earlier];
  const document = ConfigDocument.parse(file.path, before.text);
  const plan = planSetup(planUndo(document, generations).document, wanted);
  const after = plan.text === before.text ? document : ConfigDocument.parse(file.path, plan.text);
  refuseUnexpected(document, after, wanted, generations.flat());
  if (plan.text !== before.text) await refuseReadOnly(file);
  return { file, before, after: plan.text, document, changes: plan.changes, record };
}

/** The bytes that a draft would write. */
export function draftedBytes({ before, after }: SetupDraft): Buffer {
  return encodeConfig({ text: after, hasBom: before.hasBom });
}

/** Checks the result before it replaces anything: it has the wanted values, and nothing else has changed. */
function refuseUnexpected(
  before: ConfigDocument,
  after: ConfigDocument,
  wanted: readonly WantedKey[],
  earlier: readonly ConfigChange[],
): void {
  const isThere = wanted.every(({ table, key, value, onlyIfPresent }) => {
    const entry = after.entry(table, key);
    return entry === null ? onlyIfPresent : hasValue(entry, value);
  });
  if (isThere && differOnlyIn(before, after, pathsOf([...wanted, ...earlier]), COMMENT)) return;
  throw new CommandError(
    'The edited config.toml would differ in more than our keys: this is a fault of codex-pool, please report it with the form of your file. Nothing was changed.',
  );
}
