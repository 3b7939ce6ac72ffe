import { Entity, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';
import { SumColumns } from './sum-columns.js';

/** The sums of one hour, for one account and model. Kept after its records are removed. */
@Entity('usage_rollup')
export class UsageRollup extends SumColumns {
  /** Start of the hour, epoch ms. */
  @PrimaryColumn('bigint', { transformer: storedNumber })
  hour!: number;

  @PrimaryColumn('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  /** Empty if the request named no model. */
  @PrimaryColumn('varchar', { length: 100 })
  model!: string;
}
