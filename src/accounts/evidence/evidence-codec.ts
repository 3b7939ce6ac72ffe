import { z } from 'zod';
import { limits } from '../../config/limits.js';
import type { Credential } from '../../tokens/credential-file/credential.js';
import type { Refused } from '../../tokens/refresh-state.js';
import { isRecord } from '../../runtime/is-record.js';
import { type AccountEvidence } from './account-evidence.js';
import { learn } from './evidence-learning.js';
import { GENERAL_SCOPE, scopeOf } from './refusal-scope.js';
import type { RefusalKind, ScopeEvidence } from './scope-evidence.js';

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
export function textOf({ evidence: { deactivated, scopes }, ...it }: StoredEvidence): string {
  return JSON.stringify({ ...it, evidence: { deactivated, scopes: [...scopes] } });
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
  'not-entitled': 'not-entitled',
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
  // Missing fields get their defaults.
  const ofScope = z.object({
    refusal: refusal.nullable().default(null),
    forbiddenAt: seenOrNever,
    rateLimitsInARow: inARow,
    errorsInARow: inARow,
    cutsInARow: inARow,
    countedAt: seenOrNever,
    lastSuccessAt: seenOrNever,
    clearedAt: seenOrNever,
    models: z
      .array(z.string())
      .default([])
      .transform((models) => models.slice(-limits.modelsPerMeter)),
  } satisfies Record<keyof ScopeEvidence, z.ZodType>);
  const scope = z.string().transform((text, context) => {
    const known = scopeOf(text);
    if (known !== null) return known;
    context.addIssue({ code: 'custom', message: 'unknown scope' });
    return z.NEVER;
  });
  return z.object({
    login: z.string(),
    // Rows without the last field belong to accounts that had stopped serving.
    refused: z
      .object({ code: z.string(), at: seen, isTokenRejected: z.boolean().default(true) })
      .nullable()
      .default(null),
    evidence: z.preprocess(
      withScopes,
      z.object({
        deactivated: z.object({ code: z.string(), at: seen }).nullable().default(null),
        scopes: z
          .array(z.tuple([scope, ofScope]))
          .transform((pairs) => new Map(pairs.slice(-limits.scopesPerAccount))),
      } satisfies Record<keyof AccountEvidence, z.ZodType>),
    ),
  });
}

/**
 * Converts a row of version 0.1, which had one refusal for the whole account, some counters, and a list of refused
 * models. A lack of quota becomes a refusal of the general meter; a 403 is no longer a refusal.
 */
function withScopes(row: unknown): unknown {
  if (!isRecord(row) || row['scopes'] !== undefined) return row;
  const { deactivated, refusal, modelRefusals, ...counters } = row;
  const kind = isRecord(refusal) ? refusal['kind'] : null;
  const isQuota = kind === 'quota-exhausted';
  const ofAccount = isQuota || kind === 'forbidden' ? counters : { ...counters, refusal };
  const models = Array.isArray(modelRefusals) ? modelRefusals : [];
  return {
    deactivated,
    scopes: [
      ['account', ofAccount],
      ...(isQuota ? [[GENERAL_SCOPE, { refusal }]] : []),
      ...models.map((it: unknown) => {
        const [model, until] = Array.isArray(it) ? (it as unknown[]) : [];
        const at = typeof until === 'number' ? Math.max(0, until - limits.notEntitledMs) : null;
        return [`model:${String(model)}`, { refusal: { kind: 'not-entitled', at, until } }];
      }),
    ],
  };
}
