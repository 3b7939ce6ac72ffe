import { z } from 'zod';
import { limits } from '../config/limits.js';
import type { Credential } from '../tokens/credential.js';
import type { Refused } from '../tokens/refresh-state.js';
import { type AccountEvidence, learn, noEvidence, type RefusalKind } from './account-evidence.js';

/** The evidence about an account that outlives its stay in the pool; stored for the next start. Times are epoch ms. */
export interface StoredEvidence {
  readonly evidence: AccountEvidence;
  /** The login that the evidence belongs to (`loginOf`). */
  readonly login: string;
  /** The token endpoint's final refusal of that login; null if none. */
  readonly refused: Refused | null;
}

/** Returns a fingerprint that distinguishes two logins of an account and reveals nothing else. */
export function loginOf({ refreshToken, accessToken }: Credential): string {
  return (refreshToken ?? accessToken).fingerprint();
}

/** Returns the part of the evidence that still holds for this login. A different login ends the old one's refusals. */
export function evidenceForLogin(stored: StoredEvidence, login: string, now: number): StoredEvidence {
  if (stored.login === login) return stored;
  const evidence = learn(stored.evidence, { kind: 'credential-renewed', isRefresh: false, at: now });
  return { evidence, login, refused: null };
}

/** Returns the evidence as JSON. */
export function textOf({ evidence, ...it }: StoredEvidence): string {
  return JSON.stringify({ ...it, evidence: { ...evidence, modelRefusals: [...evidence.modelRefusals] } });
}

/**
 * Returns a function that parses the text of `textOf`, as of `now`; it returns null for unreadable text. Times are
 * clamped: no event is later than now, and no refusal lasts longer than the longest window.
 */
export function evidenceReader(now: number): (text: string) => StoredEvidence | null {
  const schema = storedEvidence(now);
  return (text) => {
    try {
      return schema.safeParse(JSON.parse(text)).data ?? null;
    } catch {
      return null; // not JSON
    }
  };
}

const refusalKinds = {
  'quota-exhausted': 'quota-exhausted',
  'rate-limited': 'rate-limited',
  unauthorized: 'unauthorized',
  forbidden: 'forbidden',
  'upstream-error': 'upstream-error',
} as const satisfies { readonly [K in RefusalKind]: K };

function storedEvidence(now: number) {
  const end = z.int().nonnegative();
  const seen = end.transform((at) => Math.min(at, now));
  const seenOrNever = seen.nullable().default(null);
  const inARow = z.int().nonnegative().default(0);
  const refusal = z
    .object({ kind: z.enum(refusalKinds), at: end, until: end, pollFrom: end.nullable().default(null) })
    .transform(({ kind, at, until, pollFrom }) => {
      const lastsMs = Math.min(Math.max(0, until - at), limits.quotaLongestMs);
      const saneAt = Math.min(at, now); // if the clock was ahead then, the refusal keeps its length, from now
      const waitsMs = Math.min(Math.max(0, (pollFrom ?? at) - at), limits.prematureClearMs);
      return { kind, at: saneAt, until: saneAt + lastsMs, pollFrom: saneAt + waitsMs };
    });
  const models = z.array(z.tuple([z.string(), end])).transform((pairs) => {
    const latest = now + limits.notEntitledMs;
    const sane = pairs.map(([model, until]) => [model, Math.min(until, latest)] as const);
    return new Map(sane.filter(([, until]) => until > now).slice(-limits.modelRefusalsPerAccount));
  });
  return z.object({
    login: z.string(),
    // Rows without the last field belong to accounts that had stopped serving.
    refused: z
      .object({ code: z.string(), at: seen, isTokenRejected: z.boolean().default(true) })
      .nullable()
      .default(null),
    // Fields missing from older rows get their defaults.
    evidence: z.object({
      refusal: refusal.nullable().default(noEvidence.refusal),
      deactivated: z.object({ code: z.string(), at: seen }).nullable().default(noEvidence.deactivated),
      modelRefusals: models.default(new Map()),
      rateLimitsInARow: inARow,
      forbiddenInARow: inARow,
      errorsInARow: inARow,
      cutsInARow: inARow,
      countedAt: seenOrNever,
      lastSuccessAt: seenOrNever,
      clearedAt: seenOrNever,
    } satisfies Record<keyof AccountEvidence, z.ZodType>),
  });
}
