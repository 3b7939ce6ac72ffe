import type { IncomingHttpHeaders } from 'node:http';
import { limits } from '../../config/limits.js';
import { retryAfterMs } from '../outcome/retry-after.js';

/** The status that a client gets for upstream's: a 401 becomes 403, because Codex renews its own login after a 401. */
export function clientStatus(upstream: number): number {
  return upstream === 401 ? 403 : upstream;
}

/**
 * Whether a `Retry-After` must not reach this client: Codex silently waits as long as the header says, so a minute is
 * the limit. Codex is the client that sends `originator`; others get any value. `now`: epoch ms.
 */
export function isSilentWait(retryAfter: unknown, client: IncomingHttpHeaders, now: number): boolean {
  if (typeof retryAfter !== 'string' || client['originator'] === undefined) return false;
  return (retryAfterMs(retryAfter, '', now) ?? 0) > limits.shortWaitMs;
}
