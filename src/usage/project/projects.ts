import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { Database } from '../../storage/database.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { type Project, type ProjectPlace, projectOf } from './project.js';
import { projectNames } from './project-table.js';
import { ProjectRow } from './project.entity.js';

/** The projects that turns were made for, by their hash. Bounded: those used last. */
@Injectable()
export class Projects implements OnModuleInit {
  private readonly known = new LRUCache<string, { readonly name: string; readonly writtenAt: number }>({
    max: limits.projects,
  });
  private salt = randomBytes(32).toString('base64url');

  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Restores the names, and the salt of the project that was used last. */
  async onModuleInit(): Promise<void> {
    await this.database.restore(
      'starting without names of projects: the database cannot be read',
      async (manager) => {
        const rows = await manager.find(ProjectRow, { order: { seenAt: 'DESC' }, take: limits.projects });
        this.salt = rows[0]?.salt ?? this.salt;
        for (const { hash, name, seenAt } of rows.toReversed())
          this.known.set(hash, { name, writtenAt: seenAt });
      },
    );
  }

  /** Returns the project of a folder, and notes its name. Null without a folder, and if projects are not recorded. */
  of(place: ProjectPlace | null): Project | null {
    const project = place === null || !this.config.recordProjects ? null : projectOf(place, this.salt);
    if (project !== null) this.note(project);
    return project;
  }

  /** Returns the project with this hash; null if its name is not known any more. */
  find(hash: string): Project | null {
    const found = this.known.peek(hash);
    return found === undefined ? null : { name: found.name, hash };
  }

  /** Returns the hashes of the known projects of this name, and the text itself, in case it is a hash. */
  hashesOf(text: string): string[] {
    const found = [...this.known.entries()].filter(([, { name }]) => name === text);
    return [text, ...found.map(([hash]) => hash)];
  }

  /** Most turns belong to a project that was written not long ago. */
  private note({ name, hash }: Project): void {
    const now = this.clock.now();
    const before = this.known.get(hash);
    const isRecent = before !== undefined && now - before.writtenAt < limits.projectOnRecordMs;
    if (isRecent && before.name === name) return;
    this.known.set(hash, { name, writtenAt: now });
    const row = Object.assign(new ProjectRow(), { hash, name, salt: this.salt, seenAt: now });
    this.writer.enqueue(projectNames, row);
  }
}
