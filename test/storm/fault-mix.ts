import { SeededRandom } from '../support/seeded-random.js';

const FAULT_RATIO = 0.3;

/**
 * How often each fault comes, among all. What takes an account out is rare beside what does not: at some sixty turns
 * a second even so a fault of that kind comes several times a second, and each takes one of six accounts out for about
 * a second (the operator ends what would last longer, operator.ts). So one or two accounts are out at any time, every
 * session moves many times, and now and then everybody waits for the first account that is back.
 */
const weights = {
  // the attempt's alone
  'upstream-error': 15,
  overloaded: 5,
  'overloaded as first event': 4,
  'reset before the head': 8,
  'closed before the head': 6,
  'breaks before output': 8,
  'breaks after output': 10,
  // rare: two of them on one request are told with a wait of half a minute
  'edge block': 1.5,
  'expired token': 4,
  // the turn's own
  'failed with another code': 5,
  'other 4xx': 5,
  // the turn's own, unless another account can read it
  'invalid encrypted content': 4,
  // no fault at all
  'no stream': 6,
  // an account is out for a while
  'usage limit': 0.35,
  'usage limit as first event': 0.35,
  'bare 429': 0.35,
  'retry-after in seconds': 0.4,
  'retry-after as date': 0.4,
  'try again in': 1,
  'usage not included': 0.4,
  'usage not included as first event': 0.4,
  'model not supported': 0.5,
  forbidden: 0.35,
  'rejected after a refresh': 0.25,
  'needs login': 0.35,
  deactivated: 0.4,
  unreachable: 0.3,
  paused: 0.4,
} as const satisfies Record<string, number>;

export type FaultKind = keyof typeof weights;

/** What happens to an attempt; `dice` (0–1) decides what the kind leaves open. */
export interface Fault {
  readonly kind: FaultKind;
  readonly dice: number;
}

const isKind = (name: string): name is FaultKind => Object.hasOwn(weights, name);
const kinds = Object.keys(weights).filter(isKind);
const total = kinds.reduce((sum, it) => sum + weights[it], 0);

/** Every kind that can come. */
export const faultKinds: readonly FaultKind[] = kinds.filter((it) => weights[it] > 0);

/** The fault of the n-th attempt of a turn: always the same for a seed, whatever the timing. Null for none. */
export function faultOf(seed: number, turn: number, nth: number): Fault | null {
  const random = new SeededRandom(seed ^ Math.imul(turn + 1, 0x9e3779b1) ^ Math.imul(nth + 1, 0x85ebca6b));
  if (!random.happens(FAULT_RATIO)) return null;
  let left = random.next() * total;
  const kind = kinds.find((it) => (left -= weights[it]) < 0) ?? 'upstream-error';
  return { kind, dice: random.next() };
}
