import { limits } from '../config/limits.js';
import type { CredentialFile } from './credential-store.js';
import { type Credential, identityOf, isNewerGeneration, isSameGeneration } from './credential.js';
import type { Asking, JournalEntry } from './journal-entry.js';
import { idle, nextRefreshState, type RefreshState } from './refresh-state.js';

/** What is known of the credential of one account; replaced as a whole, never changed. */
export interface StoredCredential {
  /** Identity of the account: stays when tokens are renewed or the file is renamed. */
  readonly id: string;
  /** Name of the credential file, without its ending. */
  readonly name: string;
  readonly credential: Credential;
  readonly refresh: RefreshState;
  /** When these tokens were issued to us (epoch ms); null for those that were read from a file. */
  readonly grantedAt: number | null;
  /** What an operator should know about the file, or null. */
  readonly warning: string | null;
  /** Whether the file is a symbolic link, so that Codex may own it together with us. */
  readonly isLink: boolean;
  /** Set while the newest tokens are not in the file. */
  readonly unsaved: Unsaved | null;
}

/** Tokens that their file has not taken yet. Refresh tokens are told by their fingerprints; null is none. */
export interface Unsaved {
  readonly reason: string;
  /** What the file is known to hold: a file that holds something else belongs to somebody else by now. */
  readonly inFile: string | null;
  /** Refresh tokens that are used up, oldest first, while the file may still hold one of them. */
  readonly spent: readonly string[];
  /** Whether what the file holds is worth a copy before it is written over. */
  readonly isFileWorthKeeping: boolean;
}

/** A credential file that can be used. */
export type WholeFile = CredentialFile & { readonly kind: 'ok' };

/** What is known of an account after its file was read: the newer tokens of the two, and what the file is now. */
export function afterReading(mine: StoredCredential | null, file: WholeFile): StoredCredential {
  const { name, credential, warning, isLink } = file;
  if (mine === null || isNewerIn(file, mine)) {
    const refresh = nextRefreshState(mine?.refresh ?? idle, { kind: 'renewed-elsewhere' });
    const id = identityOf(name, credential);
    return { id, name, credential, warning, isLink, refresh, grantedAt: null, unsaved: null };
  }
  const unsaved = stillUnsaved(mine, file);
  const isSame =
    mine.warning === warning && mine.name === name && mine.isLink === isLink && mine.unsaved === unsaved;
  return isSame ? mine : { ...mine, name, warning, isLink, unsaved };
}

/** Whether a file has newer tokens than we. Tokens that no file has yet give way to proof alone. */
export function isNewerIn(file: WholeFile, mine: StoredCredential): boolean {
  const theirs = file.credential;
  if (mine.unsaved !== null && mine.unsaved.spent.includes(fingerprintOf(theirs) ?? '')) return false;
  if (mine.unsaved !== null && theirs.lastRefreshAt === null && theirs.issuedAt === null) return false;
  // Ours are of no use any more: whatever else the file holds can only be better.
  if (mine.refresh.kind === 'refused' && fingerprintOf(theirs) !== fingerprintOf(mine.credential))
    return true;
  return isNewerGeneration(mine.credential, theirs);
}

/** The fingerprint of the refresh token; null without one. */
export function fingerprintOf({ refreshToken }: Credential): string | null {
  return refreshToken?.fingerprint() ?? null;
}

/** What the journal holds, and must go on holding, while the file has not taken our newest tokens. */
export function unsavedEntry({ credential, unsaved }: StoredCredential): JournalEntry['unsaved'] {
  if (unsaved === null) return null;
  const { accessToken, refreshToken, idToken, lastRefreshAt } = credential;
  return { grant: { accessToken, refreshToken, idToken }, at: lastRefreshAt ?? 0, spent: unsaved.spent };
}

/** What the journal says, and must go on saying, while it is not known whether the refresh token was used. */
export function askingOf({ credential, refresh }: StoredCredential): Asking | null {
  const refreshToken = fingerprintOf(credential);
  if (refresh.kind !== 'in-doubt' || refreshToken === null) return null;
  return { refreshToken, at: refresh.since, isAgain: refresh.isAgain };
}

/** What the file, whose tokens are not newer than ours, lacks of ours. */
function stillUnsaved(mine: StoredCredential, file: WholeFile): Unsaved | null {
  if (isSameGeneration(mine.credential, file.credential)) return null;
  const inFile = fingerprintOf(file.credential);
  if (mine.unsaved?.inFile === inFile) return mine.unsaved;
  const spent = mine.unsaved?.spent ?? [];
  return {
    reason: 'the file holds older tokens than those in use',
    inFile,
    spent,
    isFileWorthKeeping: !spent.includes(inFile ?? ''),
  };
}

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
