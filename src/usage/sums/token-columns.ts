import { Column } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';

/** Tokens of one turn, as upstream counted them. `cached` is part of `input`, `reasoning` of `output`. */
export interface TokenCount {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
}

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
