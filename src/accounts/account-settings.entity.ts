import { Column, Entity, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../storage/stored-number.js';

/** The operator's settings of an account. They are kept out of Codex's own file. */
@Entity('account_settings')
export class AccountSettingsRow {
  @PrimaryColumn('varchar', { name: 'account_id', length: 200 })
  accountId!: string;

  @Column('boolean', { name: 'is_paused' })
  isPaused!: boolean;

  /** Epoch ms; null: only the operator ends the pause. */
  @Column('bigint', { name: 'paused_until', nullable: true, transformer: storedNumber })
  pausedUntil!: number | null;

  /** Epoch ms; null: it is not paused, or since an older version. */
  @Column('bigint', { name: 'paused_at', nullable: true, transformer: storedNumber })
  pausedAt!: number | null;

  @Column('varchar', { length: 200, nullable: true })
  label!: string | null;

  @Column('integer')
  priority!: number;

  @Column('double precision', { name: 'reserve_ratio' })
  reserveRatio!: number;

  @Column('integer', { name: 'max_in_flight', nullable: true })
  maxInFlight!: number | null;

  /** `last` or `never`; anything else from a later version counts as `last`. */
  @Column('varchar', { length: 20, default: 'last' })
  credits!: string;
}
