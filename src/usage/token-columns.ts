import { Column } from 'typeorm';
import type { TokenCount } from './response-usage.js';
import { storedNumber } from '../storage/stored-number.js';

/** The token count columns, the same in every table that counts tokens. */
export abstract class TokenColumns implements TokenCount {
  @Column('bigint', { transformer: storedNumber })
  input!: number;

  @Column('bigint', { transformer: storedNumber })
  cached!: number;

  @Column('bigint', { transformer: storedNumber })
  output!: number;

  @Column('bigint', { transformer: storedNumber })
  reasoning!: number;
}
