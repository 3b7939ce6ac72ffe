import { describe, expect, it } from 'vitest';
import type { RequestView } from '../api/request.js';
import { limits } from '../config/limits.js';
import { aRequest } from '../../test/support/page/a-request.js';
import { listedRequest } from './listed-request.js';

const candidatesOf = (count: number): RequestView['candidates'] =>
  Array.from({ length: count }, (_, n) => ({ account: `a-${n}`, passedOver: n % 2 === 0 ? null : 'paused' }));
const namesIn = ({ candidates }: RequestView) => candidates.map((it) => it.account);

describe('listedRequest', () => {
  it('leaves a request of a small pool as it is', () => {
    const request = { ...aRequest(), candidates: candidatesOf(limits.listedCandidates) };
    expect(listedRequest(request)).toBe(request);
  });

  it('keeps a few candidates, those that the request names first, and counts the others', () => {
    const attempt = { by: 'policy', startedAt: 1, outcome: 'success', status: 200, failedLate: null };
    const request = {
      ...aRequest(),
      account: 'a-150',
      movedFrom: 'a-199',
      attempts: [
        { ...attempt, account: 'a-77' },
        { ...attempt, account: 'a-150' },
      ],
      candidates: candidatesOf(200),
    };
    const listed = listedRequest(request);
    expect(namesIn(listed)).toEqual(['a-77', 'a-150', 'a-199', 'a-0', 'a-1', 'a-2', 'a-3', 'a-4']);
    expect(listed.candidates[2]).toEqual({ account: 'a-199', passedOver: 'paused' });
    expect(listed.moreCandidates).toBe(200 - limits.listedCandidates);
    expect(request.candidates).toHaveLength(200);
  });

  it('keeps to its bound if a request has tried more accounts', () => {
    const candidates = candidatesOf(50);
    const attempts = candidates.map(({ account }) => ({
      account,
      by: 'policy',
      startedAt: 1,
      outcome: 'rate-limited',
      status: 429,
      failedLate: null,
    }));
    const listed = listedRequest({ ...aRequest(), attempts, candidates });
    expect(listed.candidates).toHaveLength(limits.listedCandidates);
    expect(listed.moreCandidates).toBe(50 - limits.listedCandidates);
  });
});
