import { describe, expect, it } from 'vitest';
import { madeUpJwt } from '../fake-upstream/script/made-up-credentials.js';
import type { CredentialFile } from './credential-store.js';
import { credentialOf, identityOf } from './credential-file/credential.js';
import { afterReading, fingerprintOf, type StoredCredential, type Unsaved } from './stored-credential.js';
import { idle, type RefreshState } from './refresh-state.js';
import { withoutDuplicates } from './credential-vault.js';

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 22, 12);

/** Tokens of one account; `issuedAt` null: an opaque token without claims. */
function tokens(generation: string, issuedAt: number | null, lastRefreshAt: number | null = issuedAt) {
  const access =
    issuedAt === null
      ? `opaque-${generation}`
      : madeUpJwt({ jti: generation, iat: issuedAt / 1_000, exp: issuedAt / 1_000 + 864_000 });
  return credentialOf({
    accessToken: access,
    refreshToken: `rt-${generation}`,
    idToken: null,
    accountId: 'acct',
    lastRefreshAt,
  });
}

const file = (credential: ReturnType<typeof tokens>, name = 'a') =>
  ({ kind: 'ok', name, credential, warning: null, isLink: false }) satisfies CredentialFile;

function mine(credential: ReturnType<typeof tokens>, more: Partial<StoredCredential> = {}): StoredCredential {
  return {
    id: identityOf('a', credential),
    name: 'a',
    credential,
    refresh: idle,
    grantedAt: null,
    warning: null,
    isLink: false,
    unsaved: null,
    ...more,
  };
}

const unsaved = (inFile: string, ...spent: string[]): Unsaved => ({
  reason: 'the disk is full',
  inFile,
  spent,
  shouldBackUpFile: false,
});

describe('afterReading', () => {
  const old = tokens('old', NOON - HOUR);
  const now = tokens('now', NOON);
  const newer = tokens('newer', NOON + HOUR);
  const spentOld = fingerprintOf(old) ?? '';
  const refused: RefreshState = {
    kind: 'refused',
    code: 'refresh_token_reused',
    at: NOON,
    isTokenRejected: false,
  };

  it.each([
    ['an unknown account', null, file(now), now],
    ['the same tokens', mine(now), file(now), now],
    ['newer ones', mine(now), file(newer), newer],
    ['older ones', mine(now), file(old), now],
    ['older ones in a file of a later date', mine(now), file(tokens('old', NOON - HOUR, NOON + HOUR)), now],
    ['opaque ones of a later date', mine(now), file(tokens('x', null, NOON + HOUR)), null],
    ['opaque ones of an earlier date', mine(now), file(tokens('x', null, NOON - HOUR)), now],
    ['opaque ones without a date', mine(now), file(tokens('x', null)), null],
    ['those that are used up', mine(now, { unsaved: unsaved(spentOld, spentOld) }), file(old), now],
    [
      'opaque ones without a date, while ours are nowhere else',
      mine(now, { unsaved: unsaved(spentOld, spentOld) }),
      file(tokens('x', null)),
      now,
    ],
    [
      'newer ones, while ours are nowhere else',
      mine(now, { unsaved: unsaved(spentOld, spentOld) }),
      file(newer),
      newer,
    ],
    ['older ones, when ours are refused', mine(now, { refresh: refused }), file(old), old],
    ['the same ones, when they are refused', mine(now, { refresh: refused }), file(now), now],
  ])('with %s in the file keeps the right ones', (_what, before, read, expected) => {
    expect(afterReading(before, read).credential).toBe(expected ?? read.credential);
  });

  it('returns the same object when nothing has changed', () => {
    const before = mine(now);
    expect(afterReading(before, file(now))).toBe(before);
  });

  it('ends a refusal with other tokens', () => {
    expect(afterReading(mine(now, { refresh: refused }), file(newer)).refresh).toEqual(idle);
    expect(afterReading(mine(now, { refresh: refused }), file(now)).refresh).toEqual(refused);
  });

  it('has nothing unsaved once the file has our tokens', () => {
    const before = mine(now, { unsaved: unsaved(spentOld, spentOld) });
    expect(afterReading(before, file(now)).unsaved).toBeNull();
    expect(afterReading(before, file(old)).unsaved).toBe(before.unsaved);
  });

  it('marks an older file for a copy, unless its tokens are known to be used up', () => {
    expect(afterReading(mine(now), file(old)).unsaved).toMatchObject({
      inFile: spentOld,
      shouldBackUpFile: true,
    });
    const before = mine(now, { unsaved: unsaved('something else', spentOld) });
    expect(afterReading(before, file(old)).unsaved).toMatchObject({
      inFile: spentOld,
      shouldBackUpFile: false,
    });
  });

  it('follows a new name', () => {
    expect(afterReading(mine(now), file(now, 'b'))).toMatchObject({ name: 'b', id: identityOf('a', now) });
  });
});

describe('withoutDuplicates', () => {
  const [old, now] = [tokens('old', NOON - HOUR), tokens('now', NOON)];

  it.each([
    ['the newer one by its tokens', [file(old, 'a'), file(now, 'b')], 'b'],
    ['the newer one, first by name', [file(now, 'a'), file(old, 'b')], 'a'],
    ['the first of equals', [file(now, 'a'), file(now, 'b')], 'a'],
    ['the first of those without a time', [file(tokens('x', null), 'a'), file(tokens('y', null), 'b')], 'a'],
  ])('uses %s', (_which, files, used) => {
    const result = withoutDuplicates(files);
    expect(result.filter((it) => it.kind === 'ok').map((it) => it.name)).toEqual([used]);
    expect(result.find((it) => it.kind === 'broken')).toMatchObject({
      reason: expect.stringContaining(`${used}.json`),
    });
  });
});
