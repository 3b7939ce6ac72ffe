import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';
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

  /** Hash of the thread; null without one. */
  @Column('varchar', { length: 64, nullable: true })
  thread!: string | null;

  /** Hash of the project; null without one. */
  @Column('varchar', { length: 22, nullable: true })
  project!: string | null;

  @Column('varchar', { name: 'front_end', length: 60, nullable: true })
  frontEnd!: string | null;

  /** The route: `turn`, `images` or `websocket`; null in records of versions that did not note it. */
  @Column('varchar', { length: 20, nullable: true })
  route!: string | null;

  /** Identity of the account that the turn's session has left with this turn; null if it has not moved. */
  @Column('varchar', { name: 'moved_from', length: 200, nullable: true })
  movedFrom!: string | null;

  /** Why the account was chosen; null in records of versions that did not note it. */
  @Column('varchar', { name: 'decided_by', length: 40, nullable: true })
  decidedBy!: string | null;

  /** The outcome of the last attempt. */
  @Column('varchar', { name: 'last_outcome', length: 40, nullable: true })
  lastOutcome!: string | null;

  /** Name of the first account that refused the turn or was passed over, and its reason; null if none. */
  @Column('varchar', { name: 'first_refusal', length: 120, nullable: true })
  firstRefusal!: string | null;

  /** Number of accounts that the turn was sent to. */
  @Column('integer', { name: 'accounts_tried', default: 1 })
  accountsTried!: number;

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
