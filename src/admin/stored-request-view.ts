import type { Project, RequestView } from '../api/request.js';
import type { UsageRecord } from '../usage/sums/usage-record.entity.js';

/** The names of accounts by identity, and of projects by hash; null for those that are not known any more. */
export interface RecordNames {
  readonly account: (id: string) => string | null;
  readonly project: (hash: string) => Project | null;
}

/** A recorded turn in short form. An account that has left the pool shows its identity, a forgotten project its hash. */
export function storedRequestView(turn: UsageRecord, names: RecordNames): RequestView {
  const { id, at, accountId, project, movedFrom, input, cached, output, reasoning } = turn;
  const account = names.account(accountId) ?? accountId;
  const hasTokens = input + cached + output + reasoning > 0;
  return {
    id,
    at,
    method: turn.route === 'websocket' ? 'WEBSOCKET' : 'POST',
    route: turn.route ?? 'turn',
    session: turn.session,
    thread: turn.thread,
    model: turn.model,
    effort: turn.effort,
    frontEnd: turn.frontEnd,
    project: project === null ? null : (names.project(project) ?? { name: project, hash: project }),
    account,
    candidates: [],
    attempts: [
      {
        account,
        by: turn.decidedBy ?? 'unknown',
        startedAt: at,
        outcome: turn.lastOutcome ?? turn.outcome,
        status: turn.status,
        failedLate: null,
      },
    ],
    movedFrom: movedFrom === null ? null : (names.account(movedFrom) ?? movedFrom),
    firstRefusal: turn.firstRefusal,
    isReplayable: true,
    result: turn.outcome,
    endedAt: at + turn.totalMs,
    status: turn.status,
    firstByteMs: turn.firstByteMs,
    bytes: turn.bytes,
    tokens: hasTokens ? { input, cached, output, reasoning } : null,
    detail: 'short',
  };
}
