import {
  meterScope,
  modelScope,
  type RefusalScope,
  type RequestNeeds,
} from '../../accounts/evidence/refusal-scope.js';
import type { AttemptOutcome } from '../outcome/outcome.js';

/** The meters and models that a refusal or a success of this request is about. */
export function scopesOf({ model, feature }: RequestNeeds, meter: string): readonly RefusalScope[] {
  const ofModel = model === null ? [] : [modelScope(model)];
  return feature === null ? ['account', meterScope(meter), ...ofModel] : [feature, ...ofModel];
}

/** Whether upstream has named a meter other than the general one in its refusal. */
export function namesMeter(outcome: AttemptOutcome): boolean {
  if (outcome.kind === 'quota-exhausted') return outcome.isMeterNamed;
  return outcome.kind === 'rate-limited' && outcome.scope.startsWith('meter:');
}

/** The meter in the scope of a refusal; null if it is not about one. */
export function meterInScope(outcome: AttemptOutcome): string | null {
  if (outcome.kind !== 'quota-exhausted' && outcome.kind !== 'rate-limited') return null;
  return outcome.scope.startsWith('meter:') ? outcome.scope.slice('meter:'.length) : null;
}

/** The outcome with the meter that it is about, as this account's quota names it. */
export function withMeter(outcome: AttemptOutcome, meter: string | null): AttemptOutcome {
  if (meter === null || meterInScope(outcome) === null) return outcome;
  if (outcome.kind === 'quota-exhausted') return { ...outcome, scope: meterScope(meter) };
  return outcome.kind === 'rate-limited' ? { ...outcome, scope: meterScope(meter) } : outcome;
}
