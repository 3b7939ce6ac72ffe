import type { CredentialFile } from '../../tokens/credential-store.js';
import { identityOf } from '../../tokens/credential-file/credential.js';
import type { StoredCredential } from '../../tokens/stored-credential.js';
import type { BrokenFile, ReloadResult } from './reload-report.js';

/** The part of an account that the comparison needs: its identity, and the name of its file. */
export interface PoolMember {
  readonly id: string;
  readonly name: string;
}

/** Why an account takes no new turns although some of its turns may still be in flight. */
export interface Withdrawal {
  readonly reason: 'removed' | 'broken-file';
  /** Why its file is unusable; null if it has no file. */
  readonly why: string | null;
  /** Whether the file is still there without its tokens: another program has broken it. */
  readonly isBroken?: boolean;
}

/** The pool as it was, and what has just been read from its folder. */
export interface Reading<T extends PoolMember> {
  readonly accounts: readonly T[];
  /** File names by identity, from before the folder was read. Accounts that had no file are left out. */
  readonly namesBefore: ReadonlyMap<string, string>;
  readonly files: readonly CredentialFile[];
  /** Names of broken files that may be partial writes; they change nothing yet. */
  readonly underWay: ReadonlySet<string>;
  /** Returns the stored credential of an account, by identity. */
  readonly find: (id: string) => StoredCredential | null;
}

/** The changes that bring the pool in line with its folder. */
export interface PoolDiff<T extends PoolMember> {
  readonly present: readonly {
    readonly storedCredential: StoredCredential;
    readonly known: T | null;
  }[];
  readonly withdrawn: readonly { readonly account: T; readonly withdrawal: Withdrawal }[];
  /** Accounts whose file may be a partial write. */
  readonly waiting: readonly T[];
  readonly broken: readonly BrokenFile[];
  readonly results: readonly ReloadResult[];
}

/** Compares by identity, so that a renamed file keeps its account. */
export function diffOf<T extends PoolMember>(reading: Reading<T>): PoolDiff<T> {
  const { accounts, namesBefore, files, underWay } = reading;
  const byId = new Map(accounts.map((it) => [it.id, it]));
  const whole = files.flatMap((file) => {
    const storedCredential = file.kind === 'ok' ? reading.find(identityOf(file.name, file.credential)) : null;
    // Compared by object identity: tokens from a refresh in between are not a change to the file.
    return file.kind === 'ok' && storedCredential !== null
      ? [
          {
            storedCredential,
            known: byId.get(storedCredential.id) ?? null,
            hasNewTokens: storedCredential.credential === file.credential,
          },
        ]
      : [];
  });
  const broken = files.flatMap(({ name, ...it }) =>
    it.kind === 'broken' && !underWay.has(name) ? [{ name, reason: it.reason }] : [],
  );
  const ids = new Set(whole.map((it) => it.storedCredential.id));
  const missing = accounts.filter((it) => !ids.has(it.id));
  const withdrawn = missing
    .filter((it) => !underWay.has(it.name))
    .map((account) => ({ account, withdrawal: withdrawalOf(account, files) }));
  const names = new Set([...files.map((it) => it.name), ...whole.map((it) => it.storedCredential.name)]);
  const removed = withdrawn
    .map((it) => it.account)
    .filter((it) => namesBefore.has(it.id) && !names.has(it.name));
  return {
    present: whole,
    withdrawn,
    waiting: missing.filter((it) => underWay.has(it.name)),
    broken,
    results: [
      ...whole.map(({ storedCredential, hasNewTokens }) =>
        resultOf(storedCredential, namesBefore.get(storedCredential.id), hasNewTokens),
      ),
      ...broken.map((it) => ({ ...it, result: 'broken' as const })),
      ...removed.map(({ name }) => ({ name, result: 'removed' as const, reason: null })),
    ],
  };
}

function resultOf(
  { name }: StoredCredential,
  nameBefore: string | undefined,
  hasNewTokens: boolean,
): ReloadResult {
  if (nameBefore === undefined) return { name, result: 'added', reason: null };
  if (nameBefore !== name) return { name, result: 'renamed', reason: `it was ${nameBefore}.json` };
  return { name, result: hasNewTokens ? 'updated' : 'unchanged', reason: null };
}

function withdrawalOf({ name }: PoolMember, files: readonly CredentialFile[]): Withdrawal {
  const file = files.find((it) => it.name === name);
  if (file?.kind !== 'broken') return { reason: 'removed', why: null };
  return { reason: 'broken-file', why: file.reason, isBroken: file.isMissing !== true };
}
