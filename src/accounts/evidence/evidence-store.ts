import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { limits } from '../../config/limits.js';
import type { StoredCredential } from '../../tokens/stored-credential.js';
import type { RefreshState } from '../../tokens/refresh-state.js';
import { AccountEvidenceRow } from './account-evidence.entity.js';
import { accountEvidence } from './evidence-table.js';
import { Database } from '../../storage/database.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { type AccountEvidence, lastSuccessAt, noEvidence } from './account-evidence.js';
import { noScopeEvidence, type ScopeEvidence } from './scope-evidence.js';
import { evidenceReader, loginOf, type StoredEvidence, evidenceForLogin, textOf } from './evidence-codec.js';

/** An account as far as its evidence is concerned. */
interface Assessed {
  readonly id: string;
  readonly evidence: AccountEvidence;
  readonly storedCredential: StoredCredential;
}

/**
 * The last evidence about each account, by identity: restored at startup, written behind, and recalled when an
 * account returns to the pool. Bounded: evicts the account whose evidence has been unchanged for longest.
 */
@Injectable()
export class EvidenceStore implements OnModuleInit {
  private readonly logger = new Logger(EvidenceStore.name);
  private readonly known = new LRUCache<string, StoredEvidence>({
    max: limits.accountsWithTotals,
    dispose: (_, id, reason) => {
      if (reason === 'evict') this.successOnRecord.delete(id);
    },
  });
  /** The last success that was written to the database, by account; epoch ms. */
  private readonly successOnRecord = new Map<string, number>();

  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    const otherwise = 'starting without stored evidence: the database cannot be read';
    await this.database.restore(otherwise, async (manager) => {
      const rows = await manager.find(AccountEvidenceRow, {
        order: { updatedAt: 'DESC' },
        take: limits.accountsWithTotals,
      });
      this.restore(rows.toReversed());
    });
  }

  /** Returns the evidence about an account that joins the pool with these tokens; null if none. */
  recall({ id, credential }: StoredCredential): StoredEvidence | null {
    const stored = this.known.peek(id);
    return stored === undefined ? null : evidenceForLogin(stored, loginOf(credential), this.clock.now());
  }

  /** Stores the current evidence of an account. */
  note({ id, evidence, storedCredential }: Assessed): void {
    const { credential, refresh } = storedCredential;
    const refused = refusedOf(refresh);
    const stored = { evidence, login: loginOf(credential), refused };
    const before = this.known.peek(id) ?? { evidence: noEvidence, login: '', refused: null };
    this.known.set(id, stored);
    if (this.isWorthWriting(id, before, stored)) this.write(id, stored);
  }

  private restore(rows: readonly AccountEvidenceRow[]): void {
    const read = evidenceReader(this.clock.now());
    let unreadable = 0;
    for (const { accountId, evidence } of rows) {
      const stored = read(evidence);
      if (stored === null) unreadable += 1;
      else this.known.set(accountId, stored);
    }
    if (unreadable > 0)
      this.logger.warn('stored evidence is unreadable; starting without it', { unreadable });
  }

  /** A success alone is written only if the last written one is old, because every served turn brings one. */
  private isWorthWriting(id: string, before: StoredEvidence, next: StoredEvidence): boolean {
    const isRefusalSame =
      before.refused?.at === next.refused?.at &&
      before.refused?.isTokenRejected === next.refused?.isTokenRejected;
    if (!isRefusalSame || !isSame(before.evidence, next.evidence)) return true;
    const lastAt = lastSuccessAt(next.evidence) ?? 0;
    return lastAt - (this.successOnRecord.get(id) ?? 0) >= limits.successOnRecordMs;
  }

  private write(accountId: string, stored: StoredEvidence): void {
    this.successOnRecord.set(accountId, lastSuccessAt(stored.evidence) ?? 0);
    const row = { accountId, updatedAt: this.clock.now(), evidence: textOf(stored) };
    this.writer.enqueue(accountEvidence, Object.assign(new AccountEvidenceRow(), row));
  }
}

function refusedOf(refresh: RefreshState): StoredEvidence['refused'] {
  if (refresh.kind !== 'refused') return null;
  const { code, at, isTokenRejected } = refresh;
  return { code, at, isTokenRejected };
}

/** Returns whether only times of successes differ. */
function isSame(before: AccountEvidence, next: AccountEvidence): boolean {
  if (before.deactivated !== next.deactivated) return false;
  for (const [scope, it] of next.scopes) if (!isSameScope(before.scopes.get(scope), it)) return false;
  for (const [scope, it] of before.scopes)
    if (!next.scopes.has(scope) && !isSameScope(it, noScopeEvidence)) return false;
  return true;
}

/** Compares field by field: unchanged fields are the same objects. */
function isSameScope(before: ScopeEvidence = noScopeEvidence, next: ScopeEvidence): boolean {
  if (before === next) return true;
  for (const name in next)
    if (name !== 'lastSuccessAt' && Reflect.get(before, name) !== Reflect.get(next, name)) return false;
  return true;
}
