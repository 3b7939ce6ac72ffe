import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { AccountRegistry } from '../accounts/account-registry.js';
import type { RequestView } from '../api/request.js';
import { limits } from '../config/limits.js';
import { RequestLog } from '../observability/request-log.js';
import { Projects } from '../usage/project/projects.js';
import { StoredRequests } from '../usage/report/stored-requests.js';
import type { PageCursor } from './lists/page-cursor.js';
import { passes, type RequestFilter, type RequestQuestion } from './request-question.js';
import { storedRequestView } from './stored-request-view.js';

/** A page of requests. */
export interface RequestPage {
  readonly requests: readonly RequestView[];
  /** The last request of the page if older ones follow; else null. */
  readonly next: PageCursor | null;
  /** Whether the database could not be read, so that older requests are missing. */
  readonly isPartial: boolean;
}

/** All requests: the most recent ones in memory, older turns in the database. */
@Injectable()
export class RecordedRequests {
  constructor(
    private readonly log: RequestLog,
    private readonly stored: StoredRequests,
    private readonly registry: AccountRegistry,
    private readonly projects: Projects,
  ) {}

  async list({ filter, limit, after }: RequestQuestion): Promise<RequestPage> {
    const recent = this.log.list();
    const place = after === null ? -1 : recent.findIndex((it) => it.id === after.key);
    // A request that is not found has left memory, and all older ones with it.
    const isStored = after !== null && place === -1;
    const found = isStored ? [] : recent.slice(place + 1).filter((it) => passes(it, filter));
    const page = found.slice(0, limit);
    const last = page.at(-1);
    const end = last === undefined ? null : { at: last.at, key: last.id };
    if (found.length > limit) return { requests: page, next: end, isPartial: false };
    const room = limit - page.length;
    const except = recent.map((it) => it.id);
    const older = await this.older(filter, Math.max(1, room), isStored ? after : null, except);
    if (older === null) return { requests: page, next: null, isPartial: true };
    if (room > 0) return { ...older, requests: [...page, ...older.requests], isPartial: false };
    const isLast = older.requests.length === 0 && older.next === null;
    return { requests: page, next: isLast ? null : end, isPartial: false };
  }

  /** Null if there is no such request, or if the database cannot be read. */
  async find(id: string): Promise<RequestView | null> {
    const recent = this.log.find(id);
    if (recent !== null) return recent;
    const turn = await inTime(this.stored.find(id));
    return turn === null ? null : storedRequestView(turn, this.names);
  }

  /** Turns of the database that are not in memory, at most `most`; null if it cannot be read. */
  private async older(
    filter: RequestFilter,
    most: number,
    after: PageCursor | null,
    except: readonly string[],
  ) {
    const { account, session, outcome, model, project, from, to } = filter;
    const page = await inTime(
      this.stored.list({
        session,
        outcome,
        model,
        from,
        to,
        accountId: account === undefined ? account : this.idOf(account),
        projects: project === undefined ? project : this.projects.hashesOf(project),
        except,
        after: after === null ? null : { at: after.at, id: after.key },
        most,
      }),
    );
    if (page === null) return null;
    const { turns, next } = page;
    return {
      requests: turns.map((it) => storedRequestView(it, this.names)),
      next: next === null ? null : { at: next.at, key: next.id },
    };
  }

  private idOf(name: string): string {
    return this.registry.list().find((it) => it.name === name)?.id ?? name;
  }

  private readonly names = {
    account: (id: string) => this.registry.findById(id)?.name ?? null,
    project: (hash: string) => this.projects.find(hash),
  };
}

/** Null if the database has not answered within `limits.requestListMs`, or cannot be read. */
async function inTime<T>(reading: Promise<T>): Promise<T | null> {
  const waiting = new AbortController();
  const late = pause(limits.requestListMs, null, { signal: waiting.signal, ref: false }).catch(() => null);
  try {
    return await Promise.race([reading, late]);
  } catch {
    return null; // the database reports its faults itself, in the log and in /healthz
  } finally {
    waiting.abort();
  }
}
