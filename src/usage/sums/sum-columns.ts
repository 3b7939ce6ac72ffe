import { Column } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';
import type { RecordedSums } from './rollup-sums.js';
import { TokenColumns } from './token-columns.js';

/** The columns of stored sums, the same in every table of sums. */
export abstract class SumColumns extends TokenColumns implements RecordedSums {
  @Column('bigint', { transformer: storedNumber })
  turns!: number;

  @Column('bigint', { default: 0, transformer: storedNumber })
  resent!: number;

  @Column('bigint', { default: 0, transformer: storedNumber })
  failovers!: number;
}
