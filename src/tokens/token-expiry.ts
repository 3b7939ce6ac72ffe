import { limits } from '../config/limits.js';
import type { Credential } from './credential.js';
import type { StoredCredential } from './stored-credential.js';

/** Whether the access token ends within so many ms of `now` (epoch ms, by upstream's clock). Unknown: no. */
export function endsWithin({ expiresAt }: Credential, ms: number, now: number): boolean {
  return expiresAt !== null && expiresAt - now <= ms;
}

/** Whether a refresh is to be made ahead of time, by cron. `now`: epoch ms, by upstream's clock. */
export function isDue(storedCredential: StoredCredential, now: number): boolean {
  const { refresh, credential } = storedCredential;
  switch (refresh.kind) {
    case 'idle':
      return endsWithin(credential, leewayMs(storedCredential), now);
    case 'waiting':
      return true; // whether its pause is over is seen to by the refresh itself
    case 'refused':
      return true; // nothing is asked any more, but a new file ends it
    case 'in-doubt':
      return true; // the same; and newer tokens in the file end the doubt
    default:
      return refresh satisfies never;
  }
}

/** One that was issued to us a moment ago and lives no longer than the leeway would be due at once, and so would the next. */
function leewayMs({ grantedAt, credential: { expiresAt } }: StoredCredential): number {
  if (grantedAt === null || expiresAt === null) return limits.refreshLeewayMs;
  return Math.min(limits.refreshLeewayMs, Math.max(0, expiresAt - grantedAt) / 4);
}
