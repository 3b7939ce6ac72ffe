import { UsageRecord } from '../../../src/usage/sums/usage-record.entity.js';

/** A stored turn without tokens. */
export function recordRow(id: string, at: number): UsageRecord {
  return Object.assign(new UsageRecord(), {
    id,
    at,
    accountId: 'x',
    outcome: 'complete',
    status: 200,
    attempts: 1,
    accountsTried: 1,
    movedFrom: null,
    totalMs: 1,
    bytes: 1,
    input: 0,
    cached: 0,
    output: 0,
    reasoning: 0,
  });
}
