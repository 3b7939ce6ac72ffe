import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';

/** The last evidence about an account, kept for the next start. Times are epoch ms. */
@Entity('account_evidence')
export class AccountEvidenceRow {
  @PrimaryColumn('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  @Index()
  @Column('bigint', { name: 'updated_at', transformer: storedNumber })
  updatedAt!: number;

  /** JSON. On reading, missing fields get their defaults. */
  @Column('text')
  evidence!: string;
}
