import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppConfig } from '../../config/app.config.js';
import { lockFile } from '../../runtime/files/file-lock.js';
import { LockedJournal } from './journal-file.js';
import { journalFolders, journalName, openExisting } from './journal-place.js';
import { SharedFile } from './shared-file.js';

/** A journal file in which a refresh is unfinished. */
export interface UnfinishedJournal {
  readonly path: string;
  readonly content: Buffer;
  /** Whether it holds tokens that the credential file may not have. */
  readonly hasTokens: boolean;
}

/**
 * The claim of another program, such as the command line, on a credential file: until it is released, no refresh of the
 * account begins, on the locks that a refresh takes. It creates no journal.
 */
export class CredentialClaim implements AsyncDisposable {
  private constructor(
    /** The journals that belong to the file as it is now. */
    readonly unfinished: readonly UnfinishedJournal[],
    private readonly held: readonly AsyncDisposable[],
  ) {}

  /**
   * Waits up to `patienceMs`; returns null if a refresh still runs then.
   * @param id the identity of the account; `name`: of its file, without `.json`
   * @throws if locking is impossible
   */
  static async take(
    config: Pick<AppConfig, 'poolDir' | 'dbPath' | 'runtimeFolders'>,
    { id, name }: { readonly id: string; readonly name: string },
    patienceMs: number,
  ): Promise<CredentialClaim | null> {
    const until = performance.now() + patienceMs;
    const left = () => Math.max(0, until - performance.now());
    const held: AsyncDisposable[] = [];
    const unfinished: UnfinishedJournal[] = [];
    try {
      for (const folder of journalFolders(config)) {
        const path = join(folder, journalName(id));
        const journal = await lockedJournal(path, left());
        if (journal === 'busy') return await released(held);
        if (journal === null) continue;
        held.push(journal);
        if ((await journal.entry()) !== null)
          unfinished.push({ path, content: await readFile(path), hasTokens: journal.hasTokens });
      }
      const shared = await SharedFile.lock(
        join(config.poolDir, `${name}.json`),
        config.runtimeFolders,
        left(),
      );
      if (shared === 'busy') return await released(held);
      if (shared !== null) held.push(shared);
      return new CredentialClaim(unfinished, held);
    } catch (error) {
      await released(held);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await released(this.held);
  }
}

async function released(held: readonly AsyncDisposable[]): Promise<null> {
  for (const it of held.toReversed()) await it[Symbol.asyncDispose]();
  return null;
}

/** Locks a journal; returns null if the file does not exist. */
async function lockedJournal(path: string, patienceMs: number): Promise<LockedJournal | 'busy' | null> {
  const file = await openExisting(path);
  if (file === null) return null;
  try {
    if (await lockFile(file, patienceMs, path)) return new LockedJournal(file);
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return 'busy';
}
