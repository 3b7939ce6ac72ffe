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
  readonly lastSuccessAt: number | null;
}

export const noEvidence: AccountEvidence = {
  refusal: null,
  deactivated: null,
  modelRefusals: new Map(),
  rateLimitsInARow: 0,
  forbiddenInARow: 0,
  errorsInARow: 0,
  lastSuccessAt: null,
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
  | {
      readonly kind: 'polled';
      readonly askedAt: number;
      readonly isAnyWindowFull: boolean;
      readonly at: number;
    }
  | { readonly kind: 'credential-renewed'; readonly at: number }
  /** The operator says that whatever was held against it is over. */
  | { readonly kind: 'reset'; readonly at: number };

/** The only place where evidence changes. Newer evidence ends an older refusal at once. */
export function learn(evidence: AccountEvidence, event: AccountEvent): AccountEvidence {
  const { at } = event;
  switch (event.kind) {
    case 'served':
      return {
        ...evidence,
        // A stream that began before the refusal says nothing about the time after it.
        refusal: evidence.refusal !== null && event.startedAt < evidence.refusal.at ? evidence.refusal : null,
        rateLimitsInARow: 0,
        forbiddenInARow: 0,
        errorsInARow: 0,
        lastSuccessAt: at,
      };
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
    case 'polled': {
      const isNewer = (since: number) => event.askedAt > since && !event.isAnyWindowFull;
      return {
        ...evidence,
        refusal: evidence.refusal !== null && isNewer(evidence.refusal.at) ? null : evidence.refusal,
        deactivated:
          evidence.deactivated !== null && event.askedAt > evidence.deactivated.at
            ? null
            : evidence.deactivated,
      };
    }
    case 'credential-renewed':
      return {
        ...evidence,
        refusal:
          evidence.refusal?.kind === 'unauthorized' || evidence.refusal?.kind === 'forbidden'
            ? null
            : evidence.refusal,
        deactivated: null,
      };
    case 'reset':
      return { ...noEvidence, lastSuccessAt: evidence.lastSuccessAt };
    default:
      return event satisfies never;
  }
}

/** A refusal replaces the one before, but a short pause never hides a longer one that still holds. */
function refused(evidence: AccountEvidence, refusal: Refusal): AccountEvidence {
  const before = evidence.refusal;
  const holdsLonger = before !== null && before.until > refusal.until && before.kind === 'quota-exhausted';
  return holdsLonger ? evidence : { ...evidence, refusal };
}

function withModel(
  before: ReadonlyMap<string, number>,
  model: string,
  at: number,
): ReadonlyMap<string, number> {
  const current = [...before].filter(([, until]) => until > at).slice(-(limits.modelRefusalsPerAccount - 1));
  return new Map([...current, [model, at + limits.notEntitledMs]]);
}
