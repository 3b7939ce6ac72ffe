import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { describeError } from '../runtime/pool-error.js';
import { type CredentialFile, CredentialStore } from './credential-store.js';
import {
  type Credential,
  identityOf,
  isProvenNewer,
  isSameGeneration,
  parseCredential,
} from './credential-file/credential.js';
import { filesInPlace } from './journal/files-in-place.js';
import type { FileInPlace } from './journal/journal-entry.js';
import { journalFolders } from './journal/journal-place.js';
import { RefreshJournal } from './journal/refresh-journal.js';

/** Completes credential files whose writing in place was cut off by a crash. The journal holds their text. */
@Injectable()
export class TornFiles {
  private readonly logger = new Logger(TornFiles.name);

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly store: CredentialStore,
    private readonly journal: RefreshJournal,
  ) {}

  /** Call it before the pool folder is read: a torn file may look like another account's. */
  async complete(): Promise<void> {
    for (const { id, name } of await filesInPlace(journalFolders(this.config))) {
      try {
        await this.completeOne(id, name);
      } catch (error) {
        const reason = describeError(error);
        this.logger.error('a file that was half written cannot be completed', { account: name, reason });
      }
    }
  }

  private async completeOne(id: string, name: string): Promise<void> {
    await using locked = await this.journal.lock(id, 0, name);
    const file = (await locked?.entry())?.unsaved?.file ?? null;
    if (file === null) return;
    const found = await this.store.read(name);
    if (!isTorn(found, file)) return;
    if (found.kind === 'ok') await this.store.backUp(name); // it may be whole after all
    await this.store.rewrite(name, file.text);
    this.logger.log('completed a file that was half written', { account: name });
  }
}

/** Whether a file lacks the text that was being written. A file that holds newer tokens, or another login, does not. */
function isTorn(found: CredentialFile, { id, name, text }: FileInPlace): boolean {
  const parsed = parseCredential(text.reveal());
  if (parsed.kind === 'broken') return false;
  if (found.kind === 'broken') return found.isMissing !== true;
  return isOlder(found.credential, parsed.credential) && mayBe(id, name, found.credential);
}

function isOlder(found: Credential, written: Credential): boolean {
  return !isSameGeneration(found, written) && !isProvenNewer(written, found);
}

/** Half a token names no user. */
function mayBe(id: string, name: string, found: Credential): boolean {
  return found.userId === null || identityOf(name, found) === id;
}
