import { Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';
import { SumColumns } from './sum-columns.js';

/** Sums of one part of a split: of a project, session, effort or front end, and of a model. */
abstract class SplitColumns extends SumColumns {
  @PrimaryColumn('varchar', { length: 20 })
  split!: string;

  /** Empty if the request named none. */
  @PrimaryColumn('varchar', { name: 'split_key', length: 200 })
  splitKey!: string;

  /** Empty if the request named no model. */
  @PrimaryColumn('varchar', { length: 100 })
  model!: string;
}

/** Those of one hour. Removed with the turns of that time. */
@Entity('usage_split_hour')
export class UsageSplitHour extends SplitColumns {
  /** Start of the hour, epoch ms. */
  @Index()
  @PrimaryColumn('bigint', { transformer: storedNumber })
  hour!: number;
}

/** Those of one day of UTC, also by account. Kept, but older days are not split by session. */
@Entity('usage_split_day')
export class UsageSplitDay extends SplitColumns {
  /** Start of the day, epoch ms. */
  @PrimaryColumn('bigint', { transformer: storedNumber })
  day!: number;
}
