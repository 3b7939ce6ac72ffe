import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from './stored-number.js';

/** Which account a session belongs to, for the next start. Times are epoch ms. */
@Entity('session_affinity')
export class SessionAffinity {
  /** Hash of the session key. */
  @PrimaryColumn('varchar', { length: 64 })
  session!: string;

  @Column('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  @Index()
  @Column('bigint', { name: 'used_at', transformer: storedNumber })
  usedAt!: number;
}
