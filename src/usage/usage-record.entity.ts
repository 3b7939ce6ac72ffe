import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../storage/stored-number.js';
import { TokenColumns } from './token-columns.js';

/** One ended turn that reached upstream. Times are epoch ms, durations ms, sizes bytes. */
@Entity('usage_record')
export class UsageRecord extends TokenColumns {
  /** The request id that the client got. */
  @PrimaryColumn('varchar', { length: 36 })
  id!: string;

  @Index()
  @Column('bigint', { transformer: storedNumber })
  at!: number;

  /** Identity of the account that served the turn, or was tried last. */
  @Column('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  /** Hash of the session key; null without a session. */
  @Column('varchar', { length: 64, nullable: true })
  session!: string | null;

  @Column('varchar', { length: 100, nullable: true })
  model!: string | null;

  @Column('varchar', { length: 20, nullable: true })
  effort!: string | null;

  /** HTTP status that the client got. */
  @Column('integer', { nullable: true })
  status!: number | null;

  /** How the turn ended: complete, cut, client-gone, or the code of a local response. */
  @Column('varchar', { length: 40 })
  outcome!: string;

  @Column('integer')
  attempts!: number;

  /** From the whole request to the head of the response; null without a response. */
  @Column('integer', { name: 'first_byte_ms', nullable: true })
  firstByteMs!: number | null;

  @Column('integer', { name: 'total_ms' })
  totalMs!: number;

  /** Size of the response body. */
  @Column('bigint', { transformer: storedNumber })
  bytes!: number;
}
