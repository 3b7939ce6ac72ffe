import type { CredentialFile } from './credential-store.js';
import {
  type Credential,
  identityOf,
  isNewerGeneration,
  isSameGeneration,
} from './credential-file/credential.js';
import type { PendingTokenRequest, JournalEntry } from './journal/journal-entry.js';
import { idle, nextRefreshState, type RefreshState } from './refresh-state.js';

/** The credential of one account with its state. Immutable: changes replace the whole object. */
export interface StoredCredential {
  /** Identity of the account; independent of token generation and file name. */
  readonly id: string;
  /** Name of the credential file, without its ending. */
  readonly name: string;
  readonly credential: Credential;
  readonly refresh: RefreshState;
  /** When the access token was issued to this process (epoch ms); null for a token read from a file. */
  readonly grantedAt: number | null;
  /** A warning about the file for the operator, or null. */
  readonly warning: string | null;
  /** Whether the file is a symbolic link, so that Codex may share it. */
  readonly isLink: boolean;
  /** Set while the newest tokens are not in the file. */
  readonly unsaved: Unsaved | null;
}

/** Why the file lacks the newest tokens. Refresh tokens are given by their fingerprints; null means none. */
export interface Unsaved {
  readonly reason: string;
  /** The refresh token known to be in the file. A file with another one now belongs to another login. */
  readonly inFile: string | null;
  /** Used refresh tokens that the file may still hold, oldest first. */
  readonly spent: readonly string[];
  /** Whether to copy the file before it is overwritten. */
  readonly shouldBackUpFile: boolean;
  /** Set while another program has emptied or broken the file. `keptIn`: the copy of these tokens, once there is one. */
  readonly brokenFile?: { readonly keptIn: string | null };
}

/** A credential file that can be used. */
export type WholeFile = CredentialFile & { readonly kind: 'ok' };

/** Merges a file that was read: takes whichever tokens are newer, and the file's current facts. */
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

/** Returns whether a file has newer tokens than `mine`. Unsaved tokens give way only to provably newer ones. */
export function isNewerIn(file: WholeFile, mine: StoredCredential): boolean {
  const inFile = file.credential;
  if (mine.unsaved !== null && mine.unsaved.spent.includes(fingerprintOf(inFile) ?? '')) return false;
  if (mine.unsaved !== null && inFile.lastRefreshAt === null && inFile.issuedAt === null) return false;
  // Our refresh token is refused, so any other one in the file is better.
  if (mine.refresh.kind === 'refused' && fingerprintOf(inFile) !== fingerprintOf(mine.credential))
    return true;
  return isNewerGeneration(mine.credential, inFile);
}

/** Returns the fingerprint of the refresh token; null without one. */
export function fingerprintOf({ refreshToken }: Credential): string | null {
  return refreshToken?.fingerprint() ?? null;
}

/** Returns the tokens that the journal must keep while the file lacks them. */
export function unsavedEntry({ credential, unsaved }: StoredCredential): JournalEntry['unsaved'] {
  if (unsaved === null) return null;
  const { accessToken, refreshToken, idToken, lastRefreshAt } = credential;
  return { grant: { accessToken, refreshToken, idToken }, at: lastRefreshAt ?? 0, spent: unsaved.spent };
}

/** Returns the token request that the journal must keep while the refresh is in doubt. */
export function pendingRequestOf({ credential, refresh }: StoredCredential): PendingTokenRequest | null {
  const refreshToken = fingerprintOf(credential);
  if (refresh.kind !== 'in-doubt' || refreshToken === null) return null;
  return { refreshToken, at: refresh.since, isAgain: refresh.isAgain };
}

/** Returns the unsaved state after reading a file whose tokens are not newer. */
function stillUnsaved(mine: StoredCredential, file: WholeFile): Unsaved | null {
  if (isSameGeneration(mine.credential, file.credential)) return null;
  const inFile = fingerprintOf(file.credential);
  if (mine.unsaved?.inFile === inFile && mine.unsaved.brokenFile === undefined) return mine.unsaved;
  const spent = mine.unsaved?.spent ?? [];
  return {
    reason: 'the file holds older tokens than those in use',
    inFile,
    spent,
    shouldBackUpFile: !spent.includes(inFile ?? ''),
  };
}

/** Returns the state of tokens whose file another program has broken. `keptIn`: their copy; null before there is one. */
export function inNoFile({ name, unsaved }: StoredCredential, keptIn: string | null): Unsaved {
  const reason = keptIn === null ? 'its last tokens are in no file' : whereKept(name, keptIn);
  const spent = unsaved?.spent ?? [];
  return { reason, inFile: null, spent, shouldBackUpFile: true, brokenFile: { keptIn } };
}

/** Says where the tokens of a broken file are, and how they come back. */
export function whereKept(name: string, keptIn: string): string {
  return `its last tokens are kept in ${keptIn}; POST /admin/accounts/${encodeURIComponent(name)}/refresh puts them back into ${name}.json`;
}

/** Returns whether cron should refresh the account. `endsSoon`: its access token ends within the leeway. */
export function isDue({ refresh }: StoredCredential, endsSoon: boolean): boolean {
  switch (refresh.kind) {
    case 'idle':
      return endsSoon;
    case 'waiting':
      return true; // the refresh itself checks whether the pause is over
    case 'refused':
      return true; // sends no request, but a new file ends this state
    case 'in-doubt':
      return true; // newer tokens in the file end the doubt
    default:
      return refresh satisfies never;
  }
}
