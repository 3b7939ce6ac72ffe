import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { limits } from '../../config/limits.js';
import { Database } from '../../storage/database.js';
import { PinnedValue } from './pinned-value.entity.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { PinTable } from './pin-table.js';
import { pinnedValues } from './selection-tables.js';

const kept = ['response', 'file'] as const;

/** Keeps the pins of responses and files across restarts: restored at startup, written behind. */
@Injectable()
export class PinStore implements OnModuleInit {
  constructor(
    private readonly table: PinTable,
    private readonly writer: WriteBehind,
    private readonly database: Database,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.database.restore('pins start empty: the database cannot be read', async (manager) => {
      for (const kind of kept) {
        // Raw rows, because startup waits for them and entities take twice as long.
        const rows = await manager
          .createQueryBuilder(PinnedValue, 'o')
          .select('o.hash', 'hash')
          .addSelect('o.account_id', 'accountId')
          .where('o.kind = :kind', { kind })
          .orderBy('o.seen_at', 'DESC')
          .limit(limits.pins)
          .getRawMany<{ hash: string; accountId: string }>();
        for (const row of rows.toReversed()) this.table.restore({ kind, ...row });
      }
    });
    this.table.onRemember(({ kind, hash, accountId }) => {
      if (kind === 'turn-state') return; // a turn state lives for one turn
      if (kind === 'remote-server') return; // Codex enrolls a machine again that upstream does not know
      const row = { kind, hash, accountId, seenAt: this.clock.now() };
      this.writer.enqueue(pinnedValues, Object.assign(new PinnedValue(), row));
    });
  }
}
