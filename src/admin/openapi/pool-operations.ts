import { querySchema as requestQuery } from '../request-question.js';
import { querySchema as usageQuery } from '../usage-question.js';
import { databaseProblems, mergedProblems } from './common-problems.js';
import type { Operations } from './operation.js';

const span = {
  from: 'Begin of the span: epoch ms, an ISO time, or a date.',
  to: 'End of the span, exclusive.',
  limit: 'Maximum number of entries; the newest are kept.',
};

/** The query of the report, as JSON and as CSV. */
const usageReport = {
  schema: usageQuery,
  about: {
    ...span,
    from: `${span.from} Without it, the local day 30 days before the end.`,
    bucket: 'Length of the buckets.',
    by: 'Splits the sums.',
    account: 'Only usage of the account of this name; with by=account, model or none, and not with project.',
    model: 'Only usage of this model.',
    project: 'Only usage for this project, by name or hash; with by=project, model or none.',
    tz: "Time zone of days and dates; by default the machine's.",
    cursor: 'The `next` of a page.',
  },
};

export const poolOperations: Operations = {
  'GET /admin/summary': {
    id: 'getSummary',
    tag: 'Pool',
    summary: 'The pool at a glance, for menu bars and status lines; fields are added, never changed.',
    responses: { 200: { about: 'The summary.', json: 'Summary' } },
  },
  'GET /admin/events': {
    id: 'listen',
    tag: 'Pool',
    summary:
      'Server-sent events: `snapshot` (Snapshot), then `delta` (Delta) for each change, `dropped` (Dropped) at the end. With `Last-Event-ID` only the missed deltas, if they are still known.',
    responses: { 200: { about: 'The stream.', type: 'text/event-stream' } },
    problems: { 503: ['stopping', 'too_many_listeners'] },
  },
  'GET /admin/requests': {
    id: 'listRequests',
    tag: 'Turns',
    summary:
      'Requests, newest first, each with the reasons for its account; `Link` names the page of older ones.',
    query: {
      schema: requestQuery,
      about: {
        ...span,
        account: 'Name of the account that served, or was tried last.',
        session: 'Hash of the session.',
        outcome: 'How the request ended, or the outcome of one of its attempts.',
        model: 'Name of the model.',
        project: 'Hash or name of the project.',
        cursor: 'The one in the header `Link` of a page.',
      },
    },
    responses: {
      200: { about: 'The requests.', json: 'Request[]' },
      304: { about: 'As the client knows it (`If-None-Match`).', type: 'none' },
    },
    problems: { 400: ['bad_query'] },
  },
  'GET /admin/requests/{id}': {
    id: 'getRequest',
    tag: 'Turns',
    summary: 'One request.',
    responses: { 200: { about: 'The request.', json: 'Request' } },
    problems: { 404: ['unknown_request'] },
  },
  'GET /admin/usage': {
    id: 'getUsage',
    tag: 'Turns',
    summary: 'Recorded usage: sums of a span, by account, and by hour or day.',
    query: usageReport,
    responses: {
      200: { about: 'The report.', json: 'Usage' },
      304: { about: 'As the client knows it (`If-None-Match`).', type: 'none' },
    },
    problems: mergedProblems(databaseProblems, { 400: ['bad_query', 'bad_tz'] }),
  },
  'GET /admin/usage.csv': {
    id: 'getUsageCsv',
    tag: 'Turns',
    summary:
      'The same as CSV: the groups if `by` is given, else the buckets; `Link` names the page of older ones.',
    query: usageReport,
    responses: {
      200: { about: 'The rows, with a header line.', type: 'text/csv' },
      304: { about: 'As the client knows it (`If-None-Match`).', type: 'none' },
    },
    problems: mergedProblems(databaseProblems, { 400: ['bad_query', 'bad_tz'] }),
  },
};
