import { Injectable } from '@nestjs/common';
import { WriteBehind } from '../../storage/write-behind.js';
import type { AccountView } from '../../api/account.js';

/** An account after a change, and whether the change survives a restart. */
export interface StoredChangeView extends AccountView {
  readonly persisted: boolean;
}

/**
 * Says whether the database has taken a change. The change is in force in any case; without the database it ends with
 * the program, unless the database takes it until then.
 */
@Injectable()
export class StoredChange {
  constructor(private readonly writer: WriteBehind) {}

  /** Waits until the change is written, `limits.writeAtOnceMs` at most. */
  async describe(view: AccountView): Promise<StoredChangeView> {
    const reason = await this.writer.writeNow();
    if (reason === null) return { ...view, persisted: true };
    const warning = `The change is in force, but not stored yet: a restart would undo it (${reason}).`;
    return { ...view, persisted: false, warnings: [...view.warnings, warning] };
  }
}
