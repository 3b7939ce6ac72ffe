import { Injectable } from '@nestjs/common';
import type { SessionView } from '../../api/session.js';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { SessionAffinity, type SessionEntry } from '../../accounts/selection/session-affinity.js';
import { type RequestEntry, RequestLog } from '../../observability/request-log.js';
import { Problem } from '../problems/problem.js';
import type { SessionQuestion } from './session-question.js';

/** Shows sessions with the names of their accounts, and what their last requests were about. */
@Injectable()
export class SessionViews {
  constructor(
    private readonly affinity: SessionAffinity,
    private readonly registry: AccountRegistry,
    private readonly requests: RequestLog,
  ) {}

  /** Returns a page of the sessions, last used first, and whether older ones follow. */
  page({ account, limit, after }: SessionQuestion): {
    readonly sessions: SessionView[];
    readonly hasMore: boolean;
  } {
    const found = this.ofAccount(account).filter(
      (it) => after === null || it.usedAt < after.at || (it.usedAt === after.at && it.session > after.key),
    );
    return { sessions: found.slice(0, limit), hasMore: found.length > limit };
  }

  /** Returns the sessions of an account, by name, last used first; undefined: of all. */
  ofAccount(name: string | undefined): SessionView[] {
    const viewOf = this.viewer();
    const all = this.affinity.list().map(viewOf);
    return name === undefined ? all : all.filter((it) => it.account === name);
  }

  /** Returns a session. @throws Problem if it is unknown */
  named(session: string): SessionView {
    const entry = this.affinity.entry(session);
    if (entry === null)
      throw new Problem(404, 'unknown_session', 'No such session; idle sessions are forgotten after a week.');
    return this.viewer()(entry);
  }

  private viewer(): (entry: SessionEntry) => SessionView {
    const names = new Map(this.registry.list().map((it) => [it.id, it.name]));
    const nameOf = (id: string | null) => (id === null ? null : (names.get(id) ?? null));
    const requests = lastRequests(this.requests.list());
    return (entry) => {
      const request = requests.get(entry.session);
      return {
        session: entry.session,
        account: nameOf(entry.accountId),
        usedAt: entry.usedAt,
        movedFrom: nameOf(entry.formerId),
        movesTo: nameOf(entry.movesToId),
        project: request?.project ?? null,
        model: request?.model ?? null,
      };
    };
  }
}

/** Returns the newest request of each session. @param newestFirst all requests in memory */
function lastRequests(newestFirst: readonly RequestEntry[]): ReadonlyMap<string, RequestEntry> {
  const last = new Map<string, RequestEntry>();
  for (const it of newestFirst) {
    if (it.session !== null && !last.has(it.session)) last.set(it.session, it);
  }
  return last;
}
