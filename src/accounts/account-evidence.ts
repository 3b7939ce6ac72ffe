import { limits } from '../config/limits.js';
import { forbiddenPauseMs, rateLimitPauseMs, upstreamErrorPauseMs } from './cooldown.js';

export type RefusalKind =
  | 'quota-exhausted'
  | 'rate-limited'
  | 'unauthorized'
  | 'forbidden'
  | 'upstream-error';

/** The last refusal, which makes the account unavailable for a while. Times are epoch ms. */
export interface Refusal {
  readonly kind: RefusalKind;
  readonly at: number;
  readonly until: number;
  /** Only a poll sent after this time ends the refusal: `at`, or later if the last early end proved wrong at once. */
  readonly pollFrom: number;
}

/** The evidence about an account. Availability is computed from it and never stored. */
export interface AccountEvidence {
  readonly refusal: Refusal | null;
  readonly deactivated: { readonly code: string; readonly at: number } | null;
  /** Models that this account may not use, each with the time at which that expires. */
  readonly modelRefusals: ReadonlyMap<string, number>;
  readonly rateLimitsInARow: number;
  readonly forbiddenInARow: number;
  readonly errorsInARow: number;
  readonly cutsInARow: number;
  /** The time at which a counter last went up. */
  readonly countedAt: number | null;
  readonly lastSuccessAt: number | null;
  /** The time at which newer evidence last ended a refusal early. */
  readonly clearedAt: number | null;
}

export const noEvidence: AccountEvidence = {
  refusal: null,
  deactivated: null,
  modelRefusals: new Map(),
  rateLimitsInARow: 0,
  forbiddenInARow: 0,
  errorsInARow: 0,
  cutsInARow: 0,
  countedAt: null,
  lastSuccessAt: null,
  clearedAt: null,
};

/** A counted failure or success. Requests that began before the last one was counted belong to the same event. */
interface Counted {
  readonly startedAt: number;
  readonly at: number;
}

/** New evidence about an account; `at` is epoch ms. */
export type AccountEvent =
  | { readonly kind: 'served'; readonly startedAt: number; readonly at: number }
  | { readonly kind: 'quota-exhausted'; readonly until: number; readonly at: number }
  | ({ readonly kind: 'rate-limited'; readonly retryAfterMs: number | null } & Counted)
  /** Rejected even with a fresh token, or until a refresh may be tried again. `until` null: the default cooldown. */
  | { readonly kind: 'unauthorized'; readonly until: number | null; readonly at: number }
  | ({ readonly kind: 'forbidden' } & Counted)
  | { readonly kind: 'deactivated'; readonly code: string; readonly at: number }
  | { readonly kind: 'not-entitled'; readonly model: string; readonly at: number }
  | ({ readonly kind: 'upstream-error' } & Counted)
  /** A response broke off (`cut`), or was complete (`completed`), after part of it had reached the client. */
  | ({ readonly kind: 'cut' } & Counted)
  | ({ readonly kind: 'completed' } & Counted)
  | {
      readonly kind: 'polled';
      readonly askedAt: number;
      readonly isAnyWindowFull: boolean;
      readonly at: number;
    }
  /** The quota windows in a response head; the request was sent at `askedAt`. */
  | {
      readonly kind: 'quota-seen';
      readonly askedAt: number;
      readonly isAnyWindowFull: boolean;
      readonly at: number;
    }
  /** New tokens: from our own refresh, or from a changed file. */
  | { readonly kind: 'credential-renewed'; readonly isRefresh: boolean; readonly at: number }
  /** A person has logged in to this account again. */
  | { readonly kind: 'logged-in'; readonly at: number }
  | { readonly kind: 'plan-changed'; readonly at: number }
  /** The operator has cleared the evidence against the account. */
  | { readonly kind: 'reset'; readonly at: number };

/** The only place where evidence changes. Newer evidence ends an older refusal at once. */
export function learn(evidence: AccountEvidence, event: AccountEvent): AccountEvidence {
  const { at } = event;
  switch (event.kind) {
    case 'served': {
      const served = {
        ...evidence,
        rateLimitsInARow: 0,
        forbiddenInARow: 0,
        errorsInARow: 0,
        lastSuccessAt: at,
      };
      // A stream that began before the refusal says nothing about the time after it.
      const isNewer = evidence.refusal !== null && event.startedAt >= evidence.refusal.at;
      return isNewer ? cleared(served, at) : served;
    }
    case 'quota-exhausted':
      return refused(evidence, { kind: 'quota-exhausted', at, until: event.until });
    case 'rate-limited': {
      const now = counted(evidence, 'rateLimitsInARow', event);
      const pause = event.retryAfterMs ?? rateLimitPauseMs(now.rateLimitsInARow);
      return refused(now, { kind: 'rate-limited', at, until: at + pause });
    }
    case 'unauthorized':
      return refused(evidence, {
        kind: 'unauthorized',
        at,
        until: event.until ?? at + limits.unauthorizedCooldownMs,
      });
    case 'forbidden': {
      const now = counted(evidence, 'forbiddenInARow', event);
      return refused(now, { kind: 'forbidden', at, until: at + forbiddenPauseMs(now.forbiddenInARow) });
    }
    case 'deactivated':
      return { ...evidence, deactivated: { code: event.code, at } };
    case 'not-entitled':
      return { ...evidence, modelRefusals: withModel(evidence.modelRefusals, event.model, at) };
    case 'upstream-error':
      return failing(counted(evidence, 'errorsInARow', event), 'errorsInARow', at);
    case 'cut':
      return failing(counted(evidence, 'cutsInARow', event), 'cutsInARow', at);
    case 'completed':
      return evidence.cutsInARow === 0 ? evidence : { ...evidence, cutsInARow: 0 };
    case 'polled': {
      const { deactivated } = evidence;
      const isGood = deactivated !== null && event.askedAt > deactivated.at;
      const known = isGood ? { ...evidence, deactivated: null } : evidence;
      return seen(known, event);
    }
    case 'quota-seen':
      return evidence.refusal?.kind === 'quota-exhausted' ? seen(evidence, event) : evidence;
    case 'credential-renewed': {
      const { refusal, deactivated } = evidence;
      const isOver = refusal?.kind === 'unauthorized' || (refusal?.kind === 'forbidden' && !event.isRefresh);
      return {
        ...evidence,
        refusal: isOver ? null : refusal,
        deactivated: event.isRefresh ? deactivated : null,
      };
    }
    case 'logged-in':
      return { ...(evidence.refusal === null ? evidence : cleared(evidence, at)), deactivated: null };
    case 'plan-changed':
      return evidence.modelRefusals.size === 0 ? evidence : { ...evidence, modelRefusals: new Map() };
    case 'reset':
      return { ...noEvidence, lastSuccessAt: evidence.lastSuccessAt };
    default:
      return event satisfies never;
  }
}

type Counter = 'rateLimitsInARow' | 'forbiddenInARow' | 'errorsInARow' | 'cutsInARow';

/** Counts one more in a row. Concurrent requests count as one event. */
function counted(evidence: AccountEvidence, counter: Counter, { startedAt, at }: Counted): AccountEvidence {
  const { countedAt } = evidence;
  const isSameEvent = countedAt !== null && countedAt <= at && startedAt < countedAt;
  if (evidence[counter] > 0 && isSameEvent) return evidence;
  return { ...evidence, [counter]: evidence[counter] + 1, countedAt: at };
}

/** Records a refusal after too many failures in a row. */
function failing(evidence: AccountEvidence, counter: Counter, at: number): AccountEvidence {
  const pause = upstreamErrorPauseMs(evidence[counter]);
  return pause === null ? evidence : refused(evidence, { kind: 'upstream-error', at, until: at + pause });
}

/** Replaces the previous refusal. A short cooldown never replaces a longer lack of quota. */
function refused(evidence: AccountEvidence, refusal: Omit<Refusal, 'pollFrom'>): AccountEvidence {
  const before = evidence.refusal;
  const isShort = before !== null && before.kind === 'quota-exhausted' && refusal.kind !== before.kind;
  if (isShort && before.until > refusal.until) return evidence;
  const { clearedAt } = evidence;
  const wasClearedInVain = clearedAt !== null && refusal.at - clearedAt < limits.prematureClearMs;
  const pollFrom = wasClearedInVain ? refusal.at + limits.prematureClearMs : refusal.at;
  return { ...evidence, refusal: { ...refusal, pollFrom } };
}

/** Removes the refusal. Sets `clearedAt` only if the refusal was still in force. */
function cleared(evidence: AccountEvidence, at: number): AccountEvidence {
  const isInForce = evidence.refusal !== null && evidence.refusal.until > at;
  return { ...evidence, refusal: null, clearedAt: isInForce ? at : evidence.clearedAt };
}

/** Ends a refusal if no quota window is full and the windows were requested after it. */
function seen(
  evidence: AccountEvidence,
  { askedAt, isAnyWindowFull, at }: { askedAt: number; isAnyWindowFull: boolean; at: number },
): AccountEvidence {
  const isOver = evidence.refusal !== null && askedAt > evidence.refusal.pollFrom && !isAnyWindowFull;
  return isOver ? cleared(evidence, at) : evidence;
}

function withModel(
  before: ReadonlyMap<string, number>,
  model: string,
  at: number,
): ReadonlyMap<string, number> {
  const current = [...before].filter(([, until]) => until > at).slice(-(limits.modelRefusalsPerAccount - 1));
  return new Map([...current, [model, at + limits.notEntitledMs]]);
}
