import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { storedNumber } from '../../storage/stored-number.js';

/** The name of a project. Times are epoch ms. */
@Entity('project')
export class ProjectRow {
  @PrimaryColumn('varchar', { length: 22 })
  hash!: string;

  @Column('varchar', { length: 60 })
  name!: string;

  /** The salt of its hash. It lives with the hashes, so a new database begins with a new one. */
  @Column('varchar', { length: 43 })
  salt!: string;

  @Index()
  @Column('bigint', { name: 'seen_at', transformer: storedNumber })
  seenAt!: number;
}
