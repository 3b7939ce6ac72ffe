import { type AccountQuota, metersNaming } from '../usage/account-quota.js';
import { GENERAL_METER } from '../usage/meter.js';
import { type AccountEvidence } from './evidence/account-evidence.js';
import { meterOfModel } from './evidence/meter-models.js';
import { isNamedMeter, meterOf } from './evidence/refusal-scope.js';

const generalMeter: readonly string[] = [GENERAL_METER];

/**
 * Returns the meters that may count a model's turns on an account: the one that upstream has counted it on, else those
 * that match its name. Any of them with room may serve it. `model` null: the general meter.
 */
export function metersFor(
  evidence: AccountEvidence,
  quota: AccountQuota,
  model: string | null,
): readonly string[] {
  if (model === null) return generalMeter;
  const seen = meterOfModel(evidence, model);
  const named = seen === null ? null : meterOf(seen);
  return named === null ? metersNaming(quota, model) : [named];
}

/** Returns the meters of an account, other than the general one, that upstream has reported or named. */
export function namedMeters({ scopes }: AccountEvidence, { meters }: AccountQuota): readonly string[] {
  const named: string[] = meters.size === 0 ? [] : [...meters.keys()];
  for (const scope of scopes.keys()) {
    const meter = isNamedMeter(scope) ? meterOf(scope) : null;
    if (meter !== null && !meters.has(meter)) named.push(meter);
  }
  return named;
}
