import { limits } from '../../config/limits.js';
import type { AccountEvent, QuotaReport } from './account-event.js';
import { rateLimitPauseMs } from './cooldown.js';
import { meterKey } from '../../usage/meter.js';
import { GENERAL_SCOPE, isMeter, modelScope, type RefusalScope } from './refusal-scope.js';
import {
  cleared,
  type Counted,
  countingModel,
  counted,
  failing,
  noScopeEvidence,
  refused,
  type Refusal,
  type ScopeEvidence,
} from './scope-evidence.js';

/** The evidence about an account. Availability is computed from it and never stored. */
export interface AccountEvidence {
  readonly deactivated: { readonly code: string; readonly at: number } | null;
  /** In the order of the last change. A scope without an entry has no evidence. Bounded. */
  readonly scopes: ReadonlyMap<RefusalScope, ScopeEvidence>;
}

export const noEvidence: AccountEvidence = { deactivated: null, scopes: new Map() };

/** The evidence about one scope; `noScopeEvidence` if there is none. */
export function evidenceIn({ scopes }: AccountEvidence, scope: RefusalScope): ScopeEvidence {
  return scopes.get(scope) ?? noScopeEvidence;
}

/** The meter that counts a model, as upstream has named it, in a response or by its label; null if it has not. */
export function meterOfModel({ scopes }: AccountEvidence, model: string): RefusalScope | null {
  const key = meterKey(model);
  if (key === null) return null;
  for (const [scope, { models }] of scopes) if (models.includes(key)) return scope;
  return null;
}

/** The last success in any scope, epoch ms; null without one. */
export function lastSuccessAt({ scopes }: AccountEvidence): number | null {
  let last: number | null = null;
  for (const it of scopes.values()) {
    if (it.lastSuccessAt !== null && it.lastSuccessAt > (last ?? 0)) last = it.lastSuccessAt;
  }
  return last;
}

/** The refusals that differ between two states of an account's evidence; null where one has ended. */
export function changedRefusals(
  before: AccountEvidence,
  after: AccountEvidence,
): readonly { readonly scope: RefusalScope; readonly refusal: Refusal | null }[] {
  if (before.scopes === after.scopes) return [];
  const all = new Set([...before.scopes.keys(), ...after.scopes.keys()]);
  return [...all]
    .map((scope) => ({ scope, refusal: evidenceIn(after, scope).refusal }))
    .filter(({ scope, refusal }) => refusal !== evidenceIn(before, scope).refusal);
}

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
 * Ends the refusals that a report contradicts, because it was asked after them: of each meter that has room, and of
 * the account while its general meter has room.
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
      it.refusal !== null && concerns(it.refusal) && askedAt > it.refusal.pollFrom && isOpen(scope);
    return isOver ? cleared(it, at) : it;
  });
}

/** Changes the evidence of one scope; the result is the same object if nothing has changed. */
function inScope(
  evidence: AccountEvidence,
  { scope, at }: { readonly scope: RefusalScope; readonly at: number },
  change: (before: ScopeEvidence) => ScopeEvidence,
): AccountEvidence {
  const before = evidenceIn(evidence, scope);
  const now = change(before);
  if (now === before) return evidence;
  const scopes = new Map(evidence.scopes);
  scopes.delete(scope);
  return { ...evidence, scopes: bounded(scopes.set(scope, now), at) };
}

function everywhere(
  evidence: AccountEvidence,
  change: (before: ScopeEvidence, scope: RefusalScope) => ScopeEvidence,
): AccountEvidence {
  let isChanged = false;
  const scopes = new Map<RefusalScope, ScopeEvidence>();
  for (const [scope, before] of evidence.scopes) {
    const now = change(before, scope);
    isChanged ||= now !== before;
    scopes.set(scope, now);
  }
  return isChanged ? { ...evidence, scopes } : evidence;
}

function noEvidenceBut({ scopes }: AccountEvidence): AccountEvidence {
  const served = without(scopes, (_, it) => it.lastSuccessAt === null);
  return { ...noEvidence, scopes: served };
}

/** Remembers that upstream has counted a model on this meter, and no longer on another one. */
function onMeter(
  evidence: AccountEvidence,
  scope: RefusalScope | undefined,
  { meteredModel, at }: { readonly meteredModel: string | null; readonly at: number },
): AccountEvidence {
  const key = meteredModel === null ? null : meterKey(meteredModel);
  if (key === null || scope === undefined || !isMeter(scope)) return evidence;
  const elsewhere = everywhere(evidence, (it, other) =>
    it.models.includes(key) && other !== scope
      ? { ...it, models: it.models.filter((model) => model !== key) }
      : it,
  );
  return inScope(elsewhere, { scope, at }, (it) => countingModel(it, key));
}

/** Adds the models that a poll's meters are named after, unless upstream has counted them on another one. */
function withNames(evidence: AccountEvidence, { meterNames, at }: QuotaReport): AccountEvidence {
  let known = evidence;
  for (const [scope, name] of meterNames) {
    const key = meterKey(name);
    if (key === null || meterOfModel(known, name) !== null) continue;
    known = inScope(known, { scope, at }, (it) => countingModel(it, key));
  }
  return known;
}

function isCore(scope: RefusalScope): boolean {
  return scope === 'account' || scope === GENERAL_SCOPE;
}

/** Above the bound, forgets what no longer holds at `now`, then the oldest; never the account or its general meter. */
function bounded(
  scopes: ReadonlyMap<RefusalScope, ScopeEvidence>,
  now: number,
): ReadonlyMap<RefusalScope, ScopeEvidence> {
  if (scopes.size <= limits.scopesPerAccount) return scopes;
  const current = without(scopes, (scope, it) => !isCore(scope) && (it.refusal?.until ?? 0) <= now);
  const surplus = [...current.keys()]
    .filter((it) => !isCore(it))
    .slice(0, current.size - limits.scopesPerAccount);
  const oldest = new Set(current.size > limits.scopesPerAccount ? surplus : []);
  return without(current, (scope) => oldest.has(scope));
}

function without(
  scopes: ReadonlyMap<RefusalScope, ScopeEvidence>,
  isOut: (scope: RefusalScope, evidence: ScopeEvidence) => boolean,
): ReadonlyMap<RefusalScope, ScopeEvidence> {
  return new Map([...scopes].filter(([scope, it]) => !isOut(scope, it)));
}
