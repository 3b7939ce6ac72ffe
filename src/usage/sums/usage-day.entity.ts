import { Entity, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';
import { SumColumns } from './sum-columns.js';

/** The sums of one day of UTC, for one account: totals of long spans are sums of few rows. Kept as rollups are. */
@Entity('usage_day')
export class UsageDay extends SumColumns {
  /** Start of the day, epoch ms. */
  @PrimaryColumn('bigint', { transformer: storedNumber })
  day!: number;

  @PrimaryColumn('varchar', { name: 'account_id', length: 200 })
  accountId!: string;
}
