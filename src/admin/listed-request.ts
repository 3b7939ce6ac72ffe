import type { RequestView } from '../api/request.js';
import { limits } from '../config/limits.js';

/**
 * Returns a request as lists and the event stream have it: with a few candidates, those that it names elsewhere first, and
 * the number of the others. In a pool of 200 accounts all of them would be 12 KB in each change of a running request.
 */
export function listedRequest(request: RequestView): RequestView {
  const { candidates, attempts, account, movedFrom } = request;
  const surplus = candidates.length - limits.listedCandidates;
  if (surplus <= 0) return request;
  const named = new Set([account, movedFrom, ...attempts.map((it) => it.account)]);
  const isNamed = (it: RequestView['candidates'][number]) => named.has(it.account);
  const first = candidates.filter(isNamed).slice(0, limits.listedCandidates);
  const others = candidates.filter((it) => !isNamed(it)).slice(0, limits.listedCandidates - first.length);
  return { ...request, candidates: [...first, ...others], moreCandidates: surplus };
}
