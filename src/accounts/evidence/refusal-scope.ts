import { GENERAL_METER } from '../../usage/meter.js';

/** A part of the service with a limit of its own. */
export type Feature = 'images';

/**
 * The part of an account that a refusal or a success is about: all of it, one of its meters, a model, or a feature.
 * Evidence counts only for requests in its scope.
 */
export type RefusalScope = 'account' | 'images' | `meter:${string}` | `model:${string}`;

/** The properties of a request that decide which evidence counts for it. Null: unknown model, or no feature. */
export interface RequestNeeds {
  readonly model: string | null;
  readonly feature: Feature | null;
}

/** A turn of any model. */
export const anyTurn: RequestNeeds = { model: null, feature: null };

export function meterScope(meter: string): RefusalScope {
  return `meter:${meter}`;
}

export function modelScope(model: string): RefusalScope {
  return `model:${model}`;
}

export const GENERAL_SCOPE = meterScope(GENERAL_METER);

/** The meter that a scope is about; null for any other scope. */
export function meterOf(scope: RefusalScope): string | null {
  return scope.startsWith('meter:') ? scope.slice('meter:'.length) : null;
}

export function isMeter(scope: RefusalScope): boolean {
  return scope.startsWith('meter:');
}

/** Whether a scope is a meter other than the general one. */
export function isNamedMeter(scope: RefusalScope): boolean {
  return scope.startsWith('meter:') && scope !== GENERAL_SCOPE;
}

/** The scope of a text from the database; null for anything else. */
export function scopeOf(text: string): RefusalScope | null {
  if (text === 'account' || text === 'images') return text;
  if (text.startsWith('meter:')) return `meter:${text.slice('meter:'.length)}`;
  return text.startsWith('model:') ? `model:${text.slice('model:'.length)}` : null;
}
