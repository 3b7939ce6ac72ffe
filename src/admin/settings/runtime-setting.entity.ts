import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A setting that the operator has changed at run time. */
@Entity('runtime_setting')
export class RuntimeSettingRow {
  @PrimaryColumn('varchar', { length: 40 })
  name!: string;

  /** As JSON; null: as configured. */
  @Column('varchar', { length: 4_000, nullable: true })
  value!: string | null;
}
