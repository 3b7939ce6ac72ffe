import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';

/** Which account a session belongs to, for the next start. Times are epoch ms. */
@Entity('session_affinity')
export class SessionAffinityRow {
  /** Hash of the session key. */
  @PrimaryColumn('varchar', { length: 64 })
  session!: string;

  @Column('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  /** The account that it was with before; null when it has never moved. */
  @Column('varchar', { name: 'former_id', length: 200, nullable: true })
  formerId!: string | null;

  /** Other accounts have made some of it, although it has not moved. */
  @Column('boolean', { name: 'been_elsewhere' })
  hasBeenElsewhere!: boolean;

  @Index()
  @Column('bigint', { name: 'used_at', transformer: storedNumber })
  usedAt!: number;
}
