import { limits } from '../limits.js';
import { forbiddenPauseMs, rateLimitPauseMs, upstreamErrorPauseMs } from './cooldown.js';

export type RefusalKind =
  | 'quota-exhausted'
  | 'rate-limited'
  | 'unauthorized'
  | 'forbidden'
  | 'upstream-error';

/** The last refusal that takes the account out for a while. Times are epoch ms. */
export interface Refusal {
  readonly kind: RefusalKind;
  readonly at: number;
  readonly until: number;
  /** Only a poll that is asked after this ends it: `at`, or later where the last end proved wrong at once. */
  readonly pollFrom: number;
}

/** What was last seen of an account. What it may do is derived from this, never stored. */
export interface AccountEvidence {
  readonly refusal: Refusal | null;
  readonly deactivated: { readonly code: string; readonly at: number } | null;
  /** Models that this account may not use, each with the end of that knowledge. */
  readonly modelRefusals: ReadonlyMap<string, number>;
  readonly rateLimitsInARow: number;
  readonly forbiddenInARow: number;
  readonly errorsInARow: number;
  readonly cutsInARow: number;
  readonly lastSuccessAt: number | null;
  /** When newer evidence has last ended a refusal before its time. */
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
  lastSuccessAt: null,
  clearedAt: null,
};

/** Something that was learned of an account at a time (`at`, epoch ms). */
export type AccountEvent =
  | { readonly kind: 'served'; readonly startedAt: number; readonly at: number }
  | { readonly kind: 'quota-exhausted'; readonly until: number; readonly at: number }
  | { readonly kind: 'rate-limited'; readonly retryAfterMs: number | null; readonly at: number }
  /** Rejected even with a fresh token, or until a refresh may be tried again; `until` null: the usual pause. */
  | { readonly kind: 'unauthorized'; readonly until: number | null; readonly at: number }
  | { readonly kind: 'forbidden'; readonly at: number }
  | { readonly kind: 'deactivated'; readonly code: string; readonly at: number }
  | { readonly kind: 'not-entitled'; readonly model: string; readonly at: number }
  | { readonly kind: 'upstream-error'; readonly at: number }
  /** An answer broke off, or came whole, after the client had got something of it. */
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'completed'; readonly at: number }
  | {
      readonly kind: 'polled';
      readonly askedAt: number;
      readonly isAnyWindowFull: boolean;
      readonly at: number;
    }
  /** The windows in the head of an answer to something that was asked at `askedAt`. */
  | {
      readonly kind: 'quota-seen';
      readonly askedAt: number;
      readonly isAnyWindowFull: boolean;
      readonly at: number;
    }
  | { readonly kind: 'credential-renewed'; readonly at: number }
  /** A person has logged this account in anew. */
  | { readonly kind: 'logged-in'; readonly at: number }
  | { readonly kind: 'plan-changed'; readonly at: number }
  /** The operator says that whatever was held against it is over. */
  | { readonly kind: 'reset'; readonly at: number };

/** The only place where evidence changes. Newer evidence ends an older refusal at once. */
export function learn(evidence: AccountEvidence, event: AccountEvent): AccountEvidence {
  const { at } = event;
  switch (event.kind) {
    case 'served': {
      const counted = {
        ...evidence,
        rateLimitsInARow: 0,
        forbiddenInARow: 0,
        errorsInARow: 0,
        lastSuccessAt: at,
      };
      // A stream that began before the refusal says nothing about the time after it.
      const isNewer = evidence.refusal !== null && event.startedAt >= evidence.refusal.at;
      return isNewer ? cleared(counted, at) : counted;
    }
    case 'quota-exhausted':
      return refused(evidence, { kind: 'quota-exhausted', at, until: event.until });
    case 'rate-limited': {
      const rateLimitsInARow = evidence.rateLimitsInARow + 1;
      const pause = event.retryAfterMs ?? rateLimitPauseMs(rateLimitsInARow);
      return refused({ ...evidence, rateLimitsInARow }, { kind: 'rate-limited', at, until: at + pause });
    }
    case 'unauthorized':
      return refused(evidence, {
        kind: 'unauthorized',
        at,
        until: event.until ?? at + limits.unauthorizedCooldownMs,
      });
    case 'forbidden': {
      const forbiddenInARow = evidence.forbiddenInARow + 1;
      const until = at + forbiddenPauseMs(forbiddenInARow);
      return refused({ ...evidence, forbiddenInARow }, { kind: 'forbidden', at, until });
    }
    case 'deactivated':
      return { ...evidence, deactivated: { code: event.code, at } };
    case 'not-entitled':
      return { ...evidence, modelRefusals: withModel(evidence.modelRefusals, event.model, at) };
    case 'upstream-error': {
      const errorsInARow = evidence.errorsInARow + 1;
      const pause = upstreamErrorPauseMs(errorsInARow);
      const counted = { ...evidence, errorsInARow };
      return pause === null ? counted : refused(counted, { kind: 'upstream-error', at, until: at + pause });
    }
    case 'cut': {
      const cutsInARow = evidence.cutsInARow + 1;
      const pause = upstreamErrorPauseMs(cutsInARow);
      const counted = { ...evidence, cutsInARow };
      return pause === null ? counted : refused(counted, { kind: 'upstream-error', at, until: at + pause });
    }
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
    case 'credential-renewed':
      return {
        ...evidence,
        refusal:
          evidence.refusal?.kind === 'unauthorized' || evidence.refusal?.kind === 'forbidden'
            ? null
            : evidence.refusal,
        deactivated: null,
      };
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

/** A refusal replaces the one before, but a short pause never hides a longer one that still holds. */
function refused(evidence: AccountEvidence, refusal: Omit<Refusal, 'pollFrom'>): AccountEvidence {
  const before = evidence.refusal;
  const holdsLonger = before !== null && before.until > refusal.until && before.kind === 'quota-exhausted';
  if (holdsLonger) return evidence;
  const { clearedAt } = evidence;
  const wasClearedInVain = clearedAt !== null && refusal.at - clearedAt < limits.clearedInVainMs;
  const pollFrom = wasClearedInVain ? refusal.at + limits.clearedInVainMs : refusal.at;
  return { ...evidence, refusal: { ...refusal, pollFrom } };
}

/** Ends a refusal; one that had run out by then was not ended by this. */
function cleared(evidence: AccountEvidence, at: number): AccountEvidence {
  const isInForce = evidence.refusal !== null && evidence.refusal.until > at;
  return { ...evidence, refusal: null, clearedAt: isInForce ? at : evidence.clearedAt };
}

/** Quota windows of which none is full end a refusal, if they were asked for after it. */
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
