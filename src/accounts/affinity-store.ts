import { Injectable, type OnModuleInit } from '@nestjs/common';
import { limits } from '../limits.js';
import { Database } from '../usage/database.js';
import { SessionAffinity } from '../usage/session-affinity.entity.js';
import { UsageWriter } from '../usage/usage-writer.js';
import { AffinityTable } from './affinity-table.js';

/** Keeps the affinity of sessions over a restart: read at the start, written behind. */
@Injectable()
export class AffinityStore implements OnModuleInit {
  constructor(
    private readonly table: AffinityTable,
    private readonly writer: UsageWriter,
    private readonly database: Database,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.database.restore('sessions begin anew: the database cannot be read', async (manager) => {
      const rows = await manager.find(SessionAffinity, {
        order: { usedAt: 'DESC' },
        take: limits.affinitySessions,
      });
      for (const { session, ...affinity } of rows.toReversed()) this.table.restore(session, affinity);
    });
    this.table.onSettle((session, affinity) => {
      this.writer.addSession(Object.assign(new SessionAffinity(), { session, ...affinity }));
    });
  }
}
