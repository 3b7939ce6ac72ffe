import { SeededRandom } from '../support/seeded-random.js';

const FAULT_RATIO = 0.3;

/**
 * Relative frequency of each fault. Faults that make an account unavailable are rare. At some sixty turns a second they
 * still occur several times a second, and each makes one of six accounts unavailable for about a second (`operator.ts`
 * ends outages that would last longer). So one or two accounts are unavailable at any time, every session moves many
 * times, and now and then all requests wait for the first account to come back.
 */
const weights = {
  // concerns only the attempt
  'upstream-error': 15,
  overloaded: 5,
  'overloaded as first event': 4,
  'reset before the head': 8,
  'closed before the head': 6,
  'breaks before output': 8,
  'breaks after output': 10,
  // rare: after two on one request the client is asked to wait half a minute
  'edge block': 1.5,
  // after two on one request it concerns the request
  forbidden: 1.5,
  'expired token': 4,
  // concerns the turn
  'failed with another code': 5,
  'other 4xx': 5,
  'wrong place': 2,
  'names another model': 2,
  // concerns the turn, unless another account can read the content
  'invalid encrypted content': 4,
  // not a fault
  'no stream': 6,
  'labelled stream': 3,
  'mislabelled stream': 3,
  // the account is unavailable for a while, or for some models
  'usage limit': 0.35,
  'usage limit as first event': 0.35,
  'usage limit after output': 0.35,
  'credits exhausted': 0.3,
  'bare 429': 0.35,
  'retry-after in seconds': 0.4,
  'retry-after as date': 0.4,
  'try again in': 1,
  'usage not included': 0.4,
  'usage not included as first event': 0.4,
  'model not supported': 0.5,
  'rejected after a refresh': 0.25,
  'needs login': 0.35,
  deactivated: 0.4,
  unreachable: 0.3,
  paused: 0.4,
} as const satisfies Record<string, number>;

export type FaultKind = keyof typeof weights;

/** The fault of an attempt; `roll` (0–1) decides what the kind leaves open. */
export interface Fault {
  readonly kind: FaultKind;
  readonly roll: number;
}

const isKind = (name: string): name is FaultKind => Object.hasOwn(weights, name);
const kinds = Object.keys(weights).filter(isKind);
const total = kinds.reduce((sum, it) => sum + weights[it], 0);

/** All kinds that can occur. */
export const faultKinds: readonly FaultKind[] = kinds.filter((it) => weights[it] > 0);

/** The fault of the n-th attempt of a turn, or null. It depends on the seed only, not on timing. */
export function faultOf(seed: number, turn: number, nth: number): Fault | null {
  const random = new SeededRandom(seed ^ Math.imul(turn + 1, 0x9e3779b1) ^ Math.imul(nth + 1, 0x85ebca6b));
  if (!random.happens(FAULT_RATIO)) return null;
  let left = random.next() * total;
  const kind = kinds.find((it) => (left -= weights[it]) < 0) ?? 'upstream-error';
  return { kind, roll: random.next() };
}
