import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../storage/stored-number.js';
import { TokenColumns } from './token-columns.js';

/** One turn that reached upstream, as it ended. Times are epoch ms, lengths ms, sizes bytes. */
@Entity('usage_record')
export class UsageRecord extends TokenColumns {
  /** The request id that the client saw. */
  @PrimaryColumn('varchar', { length: 36 })
  id!: string;

  @Index()
  @Column('bigint', { transformer: storedNumber })
  at!: number;

  /** Identity of the account that served, or was tried last. */
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

  /** How it ended: complete, cut, client-gone, or the code of our own answer. */
  @Column('varchar', { length: 40 })
  outcome!: string;

  @Column('integer')
  attempts!: number;

  /** From the whole request to the head of the answer; null without an answer. */
  @Column('integer', { name: 'first_byte_ms', nullable: true })
  firstByteMs!: number | null;

  @Column('integer', { name: 'total_ms' })
  totalMs!: number;

  /** Body of the answer. */
  @Column('bigint', { transformer: storedNumber })
  bytes!: number;
}
