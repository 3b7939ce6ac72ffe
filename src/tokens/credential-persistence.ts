import { Inject, Injectable, Logger } from '@nestjs/common';
import { describeError } from '../runtime/pool-error.js';
import { CredentialStore } from './credential-store.js';
import { type Credential, identityOf, isNewerGeneration, renewed } from './credential.js';
import type { LockedJournal } from './journal-file.js';
import type { Asking } from './journal-entry.js';
import {
  afterReading,
  askingOf,
  fingerprintOf,
  type StoredCredential,
  unsavedEntry,
} from './stored-credential.js';
import { CredentialCache } from './credential-cache.js';
import { RefreshJournal } from './refresh-journal.js';
import { idle, REFRESH_STEP_WATCHER, type RefreshStepWatcher } from './refresh-state.js';

/** Brings newly issued tokens to where they belong: from the journal to the file, then to memory. */
@Injectable()
export class CredentialPersistence {
  private readonly logger = new Logger(CredentialPersistence.name);

  constructor(
    private readonly kept: CredentialCache,
    private readonly store: CredentialStore,
    private readonly journal: RefreshJournal,
    @Inject(REFRESH_STEP_WATCHER) private readonly onStep: RefreshStepWatcher,
  ) {}

  /**
   * Keeps newly issued tokens, which the journal holds already: first in the file, then in memory, and there also
   * when the file refuses them. `spent`: the refresh tokens that they make useless.
   */
  async keep(
    before: StoredCredential,
    issued: Credential,
    spent: readonly string[],
    held: LockedJournal,
  ): Promise<StoredCredential> {
    return await this.replace(before, issued, spent, false, held);
  }

  /** Tries again to write what the disk has refused before; one account that goes wrong keeps no other from it. */
  async saveUnsaved(): Promise<void> {
    for (const { id, name, unsaved } of this.kept.list()) {
      if (unsaved === null) continue;
      try {
        await using held = await this.journal.hold(id, 0, name);
        if (held !== null) await this.saveHeld(id, held); // else it is in other hands, and seen to there
      } catch (error) {
        this.logger.error('tokens could not be saved', { account: name, reason: describeError(error) });
      }
    }
  }

  /** The same for one account, whose journal is held. */
  async saveHeld(id: string, held: LockedJournal): Promise<void> {
    const known = this.kept.find(id);
    if (known === null || known.unsaved === null) return;
    const read = await this.readAgain(known);
    // Another process may have gone on from where we are.
    const storedCredential = read.unsaved === null ? read : await this.finish(read, held);
    if (storedCredential.unsaved === null) return await this.settle(storedCredential, held);
    if (!held.hasTokens) await this.journalLate(storedCredential, held);
    await this.save(storedCredential, held);
  }

  /**
   * Finishes what the journal tells of an unfinished refresh: tokens that were answered go where they belong; without
   * an answer nobody knows whether the refresh token is used up.
   */
  async finish(storedCredential: StoredCredential, held: LockedJournal): Promise<StoredCredential> {
    const entry = await held.entry();
    if (entry === null) return storedCredential;
    const { unsaved, asking } = entry;
    let now = storedCredential;
    if (unsaved !== null) {
      const issued = renewed(storedCredential.credential, unsaved.grant, unsaved.at);
      const isSpent = unsaved.spent.includes(fingerprintOf(storedCredential.credential) ?? '');
      if (isSpent || isProvenNewer(storedCredential.credential, issued)) {
        this.logger.log('a refresh that was cut off is finished', { account: storedCredential.name });
        const isFileWorthKeeping = !isSpent && storedCredential.unsaved === null;
        now = await this.replace(storedCredential, issued, unsaved.spent, isFileWorthKeeping, held);
      }
    }
    if (asking !== null && asking.refreshToken === fingerprintOf(now.credential)) {
      const doubted = this.doubt(now, asking);
      if (now !== storedCredential && doubted.unsaved === null) await this.settle(doubted, held);
      return doubted; // the journal goes on saying so
    }
    if (now.unsaved === null) await this.settle(now, held); // the file has these tokens, or newer ones
    return now;
  }

  private doubt(storedCredential: StoredCredential, { at: since, isAgain }: Asking): StoredCredential {
    const { refresh, name: account } = storedCredential;
    if (refresh.kind === 'refused') return storedCredential; // no doubt is left
    if (refresh.kind === 'in-doubt' && refresh.since >= since) return storedCredential;
    const reason = 'a refresh was cut off, its answer is not known';
    if (refresh.kind !== 'in-doubt') this.logger.warn(reason, { account });
    return this.kept.change(storedCredential, { kind: 'left-in-doubt', since, isAgain, reason });
  }

  /** What its file holds now, by difference. */
  private async readAgain(storedCredential: StoredCredential): Promise<StoredCredential> {
    const file = await this.store.read(storedCredential.name);
    if (file.kind === 'broken' || identityOf(file.name, file.credential) !== storedCredential.id)
      return storedCredential;
    return this.kept.put(afterReading(this.kept.find(storedCredential.id) ?? storedCredential, file));
  }

  private async replace(
    before: StoredCredential,
    issued: Credential,
    spent: readonly string[],
    isFileWorthKeeping: boolean,
    held: LockedJournal,
  ): Promise<StoredCredential> {
    // Meanwhile the file may have been renamed, or have got other tokens, which were adopted.
    const now = this.kept.find(before.id) ?? before;
    const isOther = now.credential !== before.credential;
    if (isOther && isNewerGeneration(issued, now.credential)) {
      this.logger.warn('tokens came that are older than those in use by now', { account: now.name });
      await this.settle(now, held);
      return now;
    }
    const unsaved = {
      reason: 'not written yet',
      inFile: now.unsaved === null ? fingerprintOf(now.credential) : now.unsaved.inFile,
      spent,
      isFileWorthKeeping: isOther || isFileWorthKeeping || (now.unsaved?.isFileWorthKeeping ?? false),
    };
    const grantedAt = issued.lastRefreshAt;
    return await this.save({ ...now, credential: issued, grantedAt, unsaved, refresh: idle }, held);
  }

  /** The journal could not take them when they came. */
  private async journalLate(storedCredential: StoredCredential, held: LockedJournal): Promise<void> {
    try {
      await held.write({ unsaved: unsavedEntry(storedCredential), asking: askingOf(storedCredential) });
    } catch (error) {
      this.logger.debug('still no journal', { account: storedCredential.name, reason: describeError(error) });
    }
  }

  private async save(storedCredential: StoredCredential, held: LockedJournal): Promise<StoredCredential> {
    const { name, credential, unsaved } = storedCredential;
    if (unsaved === null) return storedCredential;
    let { isFileWorthKeeping } = unsaved;
    try {
      if (isFileWorthKeeping) await this.store.copyAside(name);
      isFileWorthKeeping = false; // one copy is enough, however often the rest fails
      await this.store.write(name, credential, unsaved.inFile);
    } catch (error) {
      const where = held.hasTokens ? 'in the journal' : 'only in memory';
      const reason = `new tokens are ${where}, their file cannot be written: ${describeError(error)}`;
      if (reason !== unsaved.reason)
        this.logger.error('refreshed tokens could not be written', { account: name, reason });
      const kept = this.kept.put({
        ...storedCredential,
        unsaved: { ...unsaved, isFileWorthKeeping, reason },
      });
      this.onStep('in-memory', name);
      return kept;
    }
    this.onStep('written', name);
    this.logger.log('token refreshed', { account: name, expiresAt: credential.expiresAt });
    const saved = this.kept.put({ ...storedCredential, unsaved: null });
    this.onStep('in-memory', name);
    await this.settle(saved, held);
    return saved;
  }

  /** The file has the tokens: in the journal stays at most that nobody knows whether one of them was used. */
  private async settle(storedCredential: StoredCredential, held: LockedJournal): Promise<void> {
    if (!held.isOnDisk) return;
    const asking = askingOf(storedCredential);
    try {
      await held.write({ unsaved: null, asking });
      if (asking === null) this.onStep('journal-cleared', storedCredential.name);
    } catch (error) {
      // What stays there is in the file, too: the next start sees that.
      const reason = describeError(error);
      this.logger.warn('journal could not be cleared', { account: storedCredential.name, reason });
    }
  }
}

/** Tokens that tell no time may be of any age. */
function isProvenNewer(mine: Credential, other: Credential): boolean {
  return isNewerGeneration(mine, other) && !isNewerGeneration(other, mine);
}
