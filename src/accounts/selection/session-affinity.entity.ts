import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';

/** The account that a session belongs to, kept for the next start. Times are epoch ms. */
@Entity('session_affinity')
export class SessionAffinityRow {
  /** Hash of the session key. */
  @PrimaryColumn('varchar', { length: 64 })
  session!: string;

  @Column('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  /** The account before the session moved; null if it has never moved. */
  @Column('varchar', { name: 'former_id', length: 200, nullable: true })
  formerId!: string | null;

  /** Whether other accounts served some of its turns, although it has not moved. */
  @Column('boolean', { name: 'been_elsewhere' })
  wasServedElsewhere!: boolean;

  @Index()
  @Column('bigint', { name: 'used_at', transformer: storedNumber })
  usedAt!: number;
}
