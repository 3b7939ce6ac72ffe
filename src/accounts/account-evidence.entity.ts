import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../storage/stored-number.js';

/** What was last seen of an account, for the next start. Times are epoch ms. */
@Entity('account_evidence')
export class AccountEvidenceRow {
  @PrimaryColumn('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  @Index()
  @Column('bigint', { name: 'updated_at', transformer: storedNumber })
  updatedAt!: number;

  /** JSON; what reads it gives every field that is missing its default. */
  @Column('text')
  evidence!: string;
}
