import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../storage/stored-number.js';

/** The state of an account's quota window, written when it changes. Times are epoch ms. */
@Entity('quota_sample')
@Index(['accountId', 'seenAt'])
export class QuotaSample {
  @PrimaryColumn('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  @PrimaryColumn('integer', { name: 'duration_seconds' })
  durationSeconds!: number;

  @Index()
  @PrimaryColumn('bigint', { name: 'seen_at', transformer: storedNumber })
  seenAt!: number;

  @Column('double precision', { name: 'used_ratio' })
  usedRatio!: number;

  @Column('bigint', { name: 'resets_at', nullable: true, transformer: storedNumber })
  resetsAt!: number | null;
}
