import { Inject, Injectable, Logger } from '@nestjs/common';
import { describeError } from '../pool-error.js';
import { CredentialStore } from './credential-store.js';
import { type Credential, isNewerGeneration, renewed } from './credential.js';
import type { HeldJournal } from './held-journal.js';
import { fingerprintOf, type Keeping, unsavedEntry } from './keeping.js';
import { KeptCredentials } from './kept-credentials.js';
import { RefreshJournal } from './refresh-journal.js';
import { idle } from './refresh-state.js';
import { REFRESH_STEP_WATCHER, type RefreshStepWatcher } from './refresh-steps.js';

/** Brings newly issued tokens to where they belong: from the journal to the file, then to memory. */
@Injectable()
export class TokenSaving {
  private readonly logger = new Logger(TokenSaving.name);

  constructor(
    private readonly kept: KeptCredentials,
    private readonly store: CredentialStore,
    private readonly journal: RefreshJournal,
    @Inject(REFRESH_STEP_WATCHER) private readonly onStep: RefreshStepWatcher,
  ) {}

  /**
   * Keeps newly issued tokens, which the journal holds already: first in the file, then in memory, and there also
   * when the file refuses them. `spent`: the refresh tokens that they make useless.
   */
  async keep(
    before: Keeping,
    issued: Credential,
    spent: readonly string[],
    held: HeldJournal,
  ): Promise<Keeping> {
    const { name } = this.kept.find(before.id) ?? before; // the file may have been renamed meanwhile
    const inFile = before.unsaved === null ? fingerprintOf(before.credential) : before.unsaved.inFile;
    const isFileWorthKeeping = before.unsaved?.isFileWorthKeeping ?? false;
    const unsaved = { reason: 'not written yet', inFile, spent, isFileWorthKeeping };
    const grantedAt = issued.lastRefreshAt;
    return await this.save({ ...before, name, credential: issued, grantedAt, unsaved, refresh: idle }, held);
  }

  /** Tries again to write what the disk has refused before. */
  async saveUnsaved(): Promise<void> {
    for (const { id, unsaved } of this.kept.list()) {
      if (unsaved === null) continue;
      await using held = await this.journal.hold(id, 0);
      if (held !== null) await this.saveHeld(id, held); // else it is in other hands, and seen to there
    }
  }

  /** The same for one account, whose journal is held. */
  async saveHeld(id: string, held: HeldJournal): Promise<void> {
    const keeping = this.kept.find(id);
    if (keeping === null || keeping.unsaved === null || (await this.isNewerInFile(keeping))) return;
    if ((await held.entry())?.unsaved == null) await this.journalLate(keeping, held);
    await this.save(keeping, held);
  }

  /**
   * Finishes what the journal tells of an unfinished refresh: tokens that were answered go where they belong; without
   * an answer nobody knows whether the refresh token is used up.
   */
  async finish(keeping: Keeping, held: HeldJournal): Promise<Keeping> {
    const entry = await held.entry();
    if (entry === null) return keeping;
    const { unsaved, asking } = entry;
    let now = keeping;
    if (unsaved !== null && keeping.unsaved === null) {
      const issued = renewed(keeping.credential, unsaved.grant, unsaved.at);
      const isSpent = unsaved.spent.includes(fingerprintOf(keeping.credential) ?? '');
      if (isSpent || isNewerGeneration(keeping.credential, issued)) {
        this.logger.log('a refresh that was cut off is finished', { account: keeping.name });
        now = await this.keep(keeping, issued, unsaved.spent, held);
      }
    }
    if (asking !== null && asking.refreshToken === fingerprintOf(now.credential)) {
      if (now !== keeping && now.unsaved === null) await held.write({ unsaved: null, asking });
      if (now.refresh.kind === 'in-doubt') return now;
      this.logger.warn('a refresh was cut off, its answer is not known', { account: now.name });
      return this.kept.change(now, { kind: 'left-in-doubt', since: asking.at });
    }
    if (now.unsaved === null) await held.clear(); // the file has these tokens, or newer ones
    return now;
  }

  private async isNewerInFile(keeping: Keeping): Promise<boolean> {
    try {
      return this.kept.adopt(keeping, await this.store.read(keeping.name)) !== null;
    } catch (error) {
      this.logger.debug('nothing to adopt', { account: keeping.name, reason: describeError(error) });
      return false;
    }
  }

  /** The journal could not take them when they came. */
  private async journalLate(keeping: Keeping, held: HeldJournal): Promise<void> {
    try {
      await held.write({ unsaved: unsavedEntry(keeping), asking: null });
    } catch (error) {
      this.logger.debug('still no journal', { account: keeping.name, reason: describeError(error) });
    }
  }

  private async save(keeping: Keeping, held: HeldJournal): Promise<Keeping> {
    const { name, credential, unsaved } = keeping;
    if (unsaved === null) return keeping;
    try {
      if (unsaved.isFileWorthKeeping) await this.store.copyAside(name);
      await this.store.write(name, credential, unsaved.inFile);
    } catch (error) {
      const where = held.hasTokens ? 'in the journal' : 'only in memory';
      const reason = `new tokens are ${where}, their file cannot be written: ${describeError(error)}`;
      if (reason !== unsaved.reason)
        this.logger.error('refreshed tokens could not be written', { account: name, reason });
      const kept = this.kept.put({ ...keeping, unsaved: { ...unsaved, reason } });
      this.onStep('in-memory', name);
      return kept;
    }
    this.onStep('written', name);
    this.logger.log('token refreshed', { account: name, expiresAt: credential.expiresAt });
    const saved = this.kept.put({ ...keeping, unsaved: null });
    this.onStep('in-memory', name);
    await this.clear(held, name);
    return saved;
  }

  private async clear(held: HeldJournal, account: string): Promise<void> {
    if (!held.isOnDisk) return;
    try {
      await held.clear();
      this.onStep('journal-cleared', account);
    } catch (error) {
      // What stays there is in the file, too: the next start sees that.
      this.logger.warn('journal could not be cleared', { account, reason: describeError(error) });
    }
  }
}
