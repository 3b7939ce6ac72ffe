import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';

/** A pinned value and the account that issued it, kept for the next start. Times are epoch ms. */
@Entity('owned_value')
@Index(['kind', 'seenAt'])
export class PinnedValue {
  @PrimaryColumn('varchar', { length: 20 })
  kind!: 'response' | 'file';

  /** Hash of the value. */
  @PrimaryColumn('varchar', { length: 64 })
  hash!: string;

  @Column('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  @Column('bigint', { name: 'seen_at', transformer: storedNumber })
  seenAt!: number;
}
