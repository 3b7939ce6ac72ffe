import { limits } from '../../config/limits.js';
import { GENERAL_SCOPE, type RefusalScope } from './refusal-scope.js';
import { noScopeEvidence, type Refusal, type ScopeEvidence } from './scope-evidence.js';

/** The evidence about an account. Availability is computed from it and never stored. */
export interface AccountEvidence {
  readonly deactivated: { readonly code: string; readonly at: number } | null;
  /** In the order of the last change. A scope without an entry has no evidence. Bounded. */
  readonly scopes: ReadonlyMap<RefusalScope, ScopeEvidence>;
}

export const noEvidence: AccountEvidence = { deactivated: null, scopes: new Map() };

/** The evidence about one scope, or `noScopeEvidence`. */
export function evidenceIn({ scopes }: AccountEvidence, scope: RefusalScope): ScopeEvidence {
  return scopes.get(scope) ?? noScopeEvidence;
}

/** The last success in any scope, epoch ms; null without one. */
export function lastSuccessAt({ scopes }: AccountEvidence): number | null {
  let last: number | null = null;
  for (const it of scopes.values()) {
    if (it.lastSuccessAt !== null && it.lastSuccessAt > (last ?? 0)) last = it.lastSuccessAt;
  }
  return last;
}

/** The refusals that differ between two states of an account's evidence; null for a refusal that has ended. */
export function changedRefusals(
  before: AccountEvidence,
  after: AccountEvidence,
): readonly { readonly scope: RefusalScope; readonly refusal: Refusal | null }[] {
  if (before.scopes === after.scopes || hasSameRefusals(before, after)) return [];
  const all = new Set([...before.scopes.keys(), ...after.scopes.keys()]);
  return [...all]
    .map((scope) => ({ scope, refusal: evidenceIn(after, scope).refusal }))
    .filter(({ scope, refusal }) => refusal !== evidenceIn(before, scope).refusal);
}

/** The usual case after a success, so it is seen without making anything. */
function hasSameRefusals(before: AccountEvidence, after: AccountEvidence): boolean {
  for (const [scope, { refusal }] of before.scopes)
    if (refusal !== evidenceIn(after, scope).refusal) return false;
  for (const [scope, { refusal }] of after.scopes)
    if (refusal !== evidenceIn(before, scope).refusal) return false;
  return true;
}

/** Changes the evidence of one scope; the result is the same object if nothing has changed. */
export function inScope(
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

/** Changes the evidence of every scope; the result is the same object if nothing has changed. */
export function everywhere(
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

function isCore(scope: RefusalScope): boolean {
  return scope === 'account' || scope === GENERAL_SCOPE;
}

/**
 * Above the bound, drops scopes whose evidence no longer holds at `now`, then the oldest ones; never the account or its
 * general meter.
 */
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

export function without(
  scopes: ReadonlyMap<RefusalScope, ScopeEvidence>,
  isOut: (scope: RefusalScope, evidence: ScopeEvidence) => boolean,
): ReadonlyMap<RefusalScope, ScopeEvidence> {
  return new Map([...scopes].filter(([scope, it]) => !isOut(scope, it)));
}
