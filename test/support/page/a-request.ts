import type { RequestView } from '../../../src/api/request.js';

/** A request of the admin API, for specs. */
export function aRequest(more: Partial<RequestView> = {}): RequestView {
  return {
    id: 'r1',
    at: 1_000,
    method: 'POST',
    route: '/responses',
    session: null,
    thread: null,
    model: null,
    effort: null,
    frontEnd: null,
    project: null,
    account: null,
    candidates: [],
    attempts: [],
    movedFrom: null,
    firstRefusal: null,
    isReplayable: true,
    result: 'running',
    endedAt: null,
    status: null,
    firstByteMs: null,
    bytes: 0,
    tokens: null,
    detail: 'full',
    ...more,
  };
}
