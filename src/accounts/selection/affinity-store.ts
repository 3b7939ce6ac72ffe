import { Injectable, type OnModuleInit } from '@nestjs/common';
import { limits } from '../../config/limits.js';
import { Database } from '../../storage/database.js';
import { forgottenSession, sessionAffinities } from './selection-tables.js';
import { SessionAffinityRow } from './session-affinity.entity.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { SessionAffinity } from './session-affinity.js';

/** Keeps session affinity across restarts: restored at startup, written behind. */
@Injectable()
export class AffinityStore implements OnModuleInit {
  constructor(
    private readonly table: SessionAffinity,
    private readonly writer: WriteBehind,
    private readonly database: Database,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.database.restore(
      'session affinity starts empty: the database cannot be read',
      async (manager) => {
        const rows = await manager.find(SessionAffinityRow, {
          order: { usedAt: 'DESC' },
          take: limits.affinitySessions,
        });
        for (const { session, ...affinity } of rows.toReversed()) this.table.restore(session, affinity);
      },
    );
    this.table.onSettle((session, affinity) => {
      const row = Object.assign(new SessionAffinityRow(), { session, ...affinity });
      this.writer.enqueue(sessionAffinities, row);
    });
    this.table.onForget((session) => this.writer.enqueue(sessionAffinities, forgottenSession(session)));
  }
}
