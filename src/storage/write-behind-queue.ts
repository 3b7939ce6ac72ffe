import { limits } from '../config/limits.js';
import type { AccountEvidenceRow } from '../accounts/account-evidence.entity.js';
import type { AccountSettingsRow } from '../accounts/account-settings.entity.js';
import { BoundedQueue } from './row-queue.js';
import type { PinnedValue } from '../accounts/selection/pinned-value.entity.js';
import type { QuotaSample } from '../usage/quota-sample.entity.js';
import type { SessionAffinityRow } from '../accounts/selection/session-affinity.entity.js';
import type { UsageRecord } from '../usage/usage-record.entity.js';
import type { WriteBatch } from './statements.js';

/** What there is a bound on; settings are as many as there are accounts. */
export type Droppable = 'record' | 'sample' | 'session' | 'evidence' | 'owned';

/** All that waits to be written, in memory: what comes above a bound pushes the oldest of its kind out. */
export class WriteBehindQueue {
  private readonly records: BoundedQueue<UsageRecord>;
  private readonly samples: BoundedQueue<QuotaSample>;
  private readonly pinned: BoundedQueue<PinnedValue>;
  /** By session, each at its newest. */
  private readonly sessions = new Map<string, SessionAffinityRow>();
  private readonly settings = new Map<string, AccountSettingsRow>();
  /** By account, each at its newest: a storm of refusals is one row. */
  private readonly evidence = new Map<string, AccountEvidenceRow>();

  constructor(private readonly onLoss: (kind: Droppable) => void) {
    this.records = new BoundedQueue(limits.unwrittenRecords, () => onLoss('record'));
    this.samples = new BoundedQueue(limits.unwrittenSamples, () => onLoss('sample'));
    this.pinned = new BoundedQueue(limits.unwrittenPins, () => onLoss('owned'));
  }

  get size(): number {
    const single = this.sessions.size + this.settings.size + this.evidence.size;
    return this.records.size + this.samples.size + this.pinned.size + single;
  }

  addRecord(record: UsageRecord): void {
    this.records.add(record);
  }

  addSample(sample: QuotaSample): void {
    this.samples.add(sample);
  }

  addPins(pinned: PinnedValue): void {
    this.pinned.add(pinned);
  }

  addSession(session: SessionAffinityRow): void {
    const isFull = putNewest(this.sessions, session.session, session, limits.unwrittenSessions);
    if (isFull) this.onLoss('session');
  }

  addEvidence(evidence: AccountEvidenceRow): void {
    const isFull = putNewest(this.evidence, evidence.accountId, evidence, limits.unwrittenEvidence);
    if (isFull) this.onLoss('evidence');
  }

  addSettings(settings: AccountSettingsRow): void {
    this.settings.set(settings.accountId, settings);
  }

  /** The oldest of each kind, as many as go into one transaction; they wait on until they are removed. */
  batch(): WriteBatch {
    return {
      records: this.records.first(limits.writeBatch),
      samples: this.samples.first(limits.writeBatch),
      sessions: [...this.sessions.values()].slice(0, limits.writeBatch),
      pinned: this.pinned.first(limits.writeBatch),
      settings: [...this.settings.values()],
      evidence: [...this.evidence.values()].slice(0, limits.writeBatch),
    };
  }

  /** Takes out what was written; what has changed meanwhile waits on. */
  remove({ records, samples, sessions, pinned, settings, evidence }: WriteBatch): void {
    this.records.remove(records);
    this.samples.remove(samples);
    this.pinned.remove(pinned);
    for (const it of sessions) if (this.sessions.get(it.session) === it) this.sessions.delete(it.session);
    for (const it of settings) if (this.settings.get(it.accountId) === it) this.settings.delete(it.accountId);
    for (const it of evidence) if (this.evidence.get(it.accountId) === it) this.evidence.delete(it.accountId);
  }
}

/** In place of an older one under this key. True: there was no room, and the oldest of another key is gone. */
function putNewest<T>(rows: Map<string, T>, key: string, row: T, bound: number): boolean {
  rows.delete(key);
  rows.set(key, row);
  const oldest = rows.keys().next();
  return rows.size > bound && oldest.done !== true && rows.delete(oldest.value);
}
