import type { ServerResponse } from 'node:http';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { DecisionRecord } from './decision-record.js';
import type { ProxyRequest } from './proxy-request.js';

/** A client's request on its way: what is asked, where the answer goes, and what it has been through. */
export class Course {
  readonly tried = new Set<string>();
  readonly movedFor = new Set<AttemptOutcome['kind']>();
  attempts = 0;
  hasRetriedReused = false;

  constructor(
    readonly request: ProxyRequest,
    readonly res: ServerResponse,
    /** Path below upstream's base address, without leading slash and query. */
    readonly path: string,
    readonly decision: DecisionRecord,
  ) {}
}
