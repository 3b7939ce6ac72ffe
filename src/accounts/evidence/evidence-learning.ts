import type { AccountEvent, QuotaReport } from './account-event.js';
import { type AccountEvidence, everywhere, inScope, noEvidence, without } from './account-evidence.js';
import { rateLimitPauseMs } from './cooldown.js';
import { limits } from '../../config/limits.js';
import { onMeter, withNames } from './meter-models.js';
import { GENERAL_SCOPE, isMeter, modelScope, type RefusalScope } from './refusal-scope.js';
import {
  cleared,
  type Counted,
  counted,
  failing,
  noScopeEvidence,
  refused,
  type Refusal,
} from './scope-evidence.js';

/** The only place where evidence changes. Newer evidence ends an older refusal at once. */
export function learn(evidence: AccountEvidence, event: AccountEvent): AccountEvidence {
  const { at } = event;
  switch (event.kind) {
    case 'served':
      return event.scopes.reduce(
        (known, scope) => afterSuccess(known, scope, event),
        onMeter(evidence, event.scopes.find(isMeter), event),
      );
    case 'quota-exhausted':
      return inScope(onMeter(evidence, event.scope, event), event, (it) =>
        refused(it, { kind: 'quota-exhausted', at, until: event.until }),
      );
    case 'rate-limited':
      return inScope(onMeter(evidence, event.scope, event), event, (it) => {
        const now = counted(it, 'rateLimitsInARow', event);
        const pause = event.retryAfterMs ?? rateLimitPauseMs(now.rateLimitsInARow);
        return refused(now, {
          kind: 'rate-limited',
          at,
          until: at + (pause > 0 ? pause : limits.rateLimitZeroMs),
        });
      });
    case 'unauthorized':
      return inScope(evidence, event, (it) =>
        refused(it, {
          kind: 'unauthorized',
          at,
          until: event.until ?? at + limits.unauthorizedCooldownMs,
        }),
      );
    case 'forbidden':
      return inScope(evidence, event, (it) => ({ ...it, forbiddenAt: at }));
    case 'deactivated':
      return { ...evidence, deactivated: { code: event.code, at } };
    case 'not-entitled':
      return inScope(evidence, { scope: modelScope(event.model), at }, (it) =>
        refused(it, { kind: 'not-entitled', at, until: at + limits.notEntitledMs }),
      );
    case 'upstream-error':
      return inScope(evidence, event, (it) =>
        failing(counted(it, 'errorsInARow', event), 'errorsInARow', at),
      );
    case 'cut':
      return inScope(evidence, event, (it) => failing(counted(it, 'cutsInARow', event), 'cutsInARow', at));
    case 'completed':
      return inScope(evidence, event, (it) => (it.cutsInARow === 0 ? it : { ...it, cutsInARow: 0 }));
    case 'polled': {
      const { deactivated } = evidence;
      const isGood = deactivated !== null && event.askedAt > deactivated.at;
      const known = isGood ? { ...evidence, deactivated: null } : evidence;
      return reported(withNames(known, event), event, () => true);
    }
    case 'quota-seen':
      return reported(evidence, event, (it) => it.kind === 'quota-exhausted');
    case 'credential-renewed': {
      const known = event.isRefresh ? evidence : { ...evidence, deactivated: null };
      return everywhere(known, (it) => ({
        ...it,
        refusal: it.refusal?.kind === 'unauthorized' ? null : it.refusal,
        forbiddenAt: event.isRefresh ? it.forbiddenAt : null,
      }));
    }
    case 'logged-in':
      return {
        ...everywhere(evidence, (it) => ({ ...cleared(it, at), forbiddenAt: null })),
        deactivated: null,
      };
    case 'plan-changed':
      return { ...evidence, scopes: without(evidence.scopes, (scope) => scope.startsWith('model:')) };
    case 'reset':
      return everywhere(noEvidenceBut(evidence), (it) => ({
        ...noScopeEvidence,
        lastSuccessAt: it.lastSuccessAt,
      }));
    default:
      return event satisfies never;
  }
}

/** A success ends the refusal of its scopes, unless its request began before the refusal. */
function afterSuccess(
  evidence: AccountEvidence,
  scope: RefusalScope,
  { startedAt, at }: Counted,
): AccountEvidence {
  if (scope.startsWith('model:') && !evidence.scopes.has(scope)) return evidence;
  return inScope(evidence, { scope, at }, (before) => {
    const { refusal, forbiddenAt } = before;
    const now = {
      ...before,
      forbiddenAt: forbiddenAt !== null && startedAt >= forbiddenAt ? null : forbiddenAt,
      rateLimitsInARow: 0,
      errorsInARow: 0,
      lastSuccessAt: at,
    };
    return refusal !== null && startedAt >= refusal.at ? cleared(now, at) : now;
  });
}

/**
 * Ends the refusals that a later report contradicts: those of each meter with room, and those of the account if its
 * general meter has room.
 */
function reported(
  evidence: AccountEvidence,
  { askedAt, openMeters, at }: QuotaReport,
  concerns: (refusal: Refusal) => boolean,
): AccountEvidence {
  const isOpen = (scope: RefusalScope) =>
    scope === 'account' ? openMeters.has(GENERAL_SCOPE) : openMeters.has(scope);
  return everywhere(evidence, (it, scope) => {
    const isOver =
      it.refusal !== null && concerns(it.refusal) && isAskedAfter(it.refusal, askedAt, at) && isOpen(scope);
    return isOver ? cleared(it, at) : it;
  });
}

/** Whether a poll was sent late enough to end a refusal. One from the future was recorded before the clock was set back. */
function isAskedAfter({ pollFrom }: Refusal, askedAt: number, at: number): boolean {
  return askedAt > pollFrom || pollFrom - at > limits.prematureClearMs + limits.clockSkewMs;
}

function noEvidenceBut({ scopes }: AccountEvidence): AccountEvidence {
  const served = without(scopes, (_, it) => it.lastSuccessAt === null);
  return { ...noEvidence, scopes: served };
}
