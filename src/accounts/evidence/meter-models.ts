import { meterKey } from '../../usage/meter.js';
import type { QuotaReport } from './account-event.js';
import { type AccountEvidence, everywhere, inScope } from './account-evidence.js';
import { isMeter, meterScope, type RefusalScope } from './refusal-scope.js';
import { countingModel } from './scope-evidence.js';

/** The meter that upstream has named for a model, in a response or by its label; null if it has named none. */
export function meterOfModel({ scopes }: AccountEvidence, model: string): RefusalScope | null {
  const key = meterKey(model);
  if (key === null) return null;
  for (const [scope, { models }] of scopes) if (models.includes(key)) return scope;
  return null;
}

/** Remembers that upstream has counted a model on this meter, and no longer on any other. */
export function onMeter(
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

/** Adds the models that a poll's meters are named after, unless upstream has counted them on another meter. */
export function withNames(evidence: AccountEvidence, { meterNames, at }: QuotaReport): AccountEvidence {
  let known = evidence;
  for (const [scope, name] of meterNames) {
    const key = meterKey(name);
    if (key !== null) known = renamed(known, meterScope(key), scope);
    if (key === null || meterOfModel(known, name) !== null) continue;
    known = inScope(known, { scope, at }, (it) => countingModel(it, key));
  }
  return known;
}

/** Moves the evidence of a meter that a refusal has called by its label, before a poll gave its name. */
function renamed(evidence: AccountEvidence, label: RefusalScope, name: RefusalScope): AccountEvidence {
  const known = evidence.scopes.get(label);
  if (known === undefined || label === name) return evidence;
  const scopes = new Map(evidence.scopes);
  scopes.delete(label);
  if (!scopes.has(name)) scopes.set(name, known);
  return { ...evidence, scopes };
}
