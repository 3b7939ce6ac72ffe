import { limits } from '../../config/limits.js';
import { upstreamErrorPauseMs } from './cooldown.js';

export type RefusalKind =
  | 'quota-exhausted'
  | 'rate-limited'
  | 'unauthorized'
  | 'not-entitled'
  | 'upstream-error';

/** The last refusal in a scope, which makes it unavailable for a while. Times are epoch ms. */
export interface Refusal {
  readonly kind: RefusalKind;
  readonly at: number;
  readonly until: number;
  /** Only a poll sent after this time ends the refusal: `at`, or later if the last early end proved wrong at once. */
  readonly pollFrom: number;
}

/** The evidence about one scope of an account. Times are epoch ms. */
export interface ScopeEvidence {
  readonly refusal: Refusal | null;
  /** The last 403 since the last success. It takes nothing out; other accounts are preferred for a while. */
  readonly forbiddenAt: number | null;
  readonly rateLimitsInARow: number;
  readonly errorsInARow: number;
  readonly cutsInARow: number;
  /** The time at which a counter last went up. */
  readonly countedAt: number | null;
  readonly lastSuccessAt: number | null;
  /** The time at which newer evidence last ended a refusal early. */
  readonly clearedAt: number | null;
  /** For a meter: the models that it counts, by `meterKey`, the newest last. Bounded. */
  readonly models: readonly string[];
}

export const noScopeEvidence: ScopeEvidence = {
  refusal: null,
  forbiddenAt: null,
  rateLimitsInARow: 0,
  errorsInARow: 0,
  cutsInARow: 0,
  countedAt: null,
  lastSuccessAt: null,
  clearedAt: null,
  models: [],
};

/** A counted failure or success. Requests that began before the last one was counted belong to the same event. */
export interface Counted {
  readonly startedAt: number;
  readonly at: number;
}

export type Counter = 'rateLimitsInARow' | 'errorsInARow' | 'cutsInARow';

/** Remembers that this meter counts a model. */
export function countingModel(evidence: ScopeEvidence, model: string): ScopeEvidence {
  if (evidence.models.at(-1) === model) return evidence;
  const models = [...evidence.models.filter((it) => it !== model), model];
  return { ...evidence, models: models.slice(-limits.modelsPerMeter) };
}

/** Counts one more in a row. Concurrent requests count as one event. */
export function counted(
  evidence: ScopeEvidence,
  counter: Counter,
  { startedAt, at }: Counted,
): ScopeEvidence {
  const { countedAt } = evidence;
  const isSameEvent = countedAt !== null && countedAt <= at && startedAt < countedAt;
  if (evidence[counter] > 0 && isSameEvent) return evidence;
  return { ...evidence, [counter]: evidence[counter] + 1, countedAt: at };
}

/** Records a refusal after too many failures in a row. */
export function failing(evidence: ScopeEvidence, counter: Counter, at: number): ScopeEvidence {
  const pause = upstreamErrorPauseMs(evidence[counter]);
  return pause === null ? evidence : refused(evidence, { kind: 'upstream-error', at, until: at + pause });
}

/** Replaces the previous refusal. A short cooldown never replaces a longer lack of quota. */
export function refused(evidence: ScopeEvidence, refusal: Omit<Refusal, 'pollFrom'>): ScopeEvidence {
  const before = evidence.refusal;
  const isShort = before !== null && before.kind === 'quota-exhausted' && refusal.kind !== before.kind;
  if (isShort && before.until > refusal.until) return evidence;
  const { clearedAt } = evidence;
  const wasClearedInVain = clearedAt !== null && refusal.at - clearedAt < limits.prematureClearMs;
  const pollFrom = wasClearedInVain ? refusal.at + limits.prematureClearMs : refusal.at;
  return { ...evidence, refusal: { ...refusal, pollFrom } };
}

/** Removes the refusal. Sets `clearedAt` only if the refusal was still in force. */
export function cleared(evidence: ScopeEvidence, at: number): ScopeEvidence {
  const isInForce = evidence.refusal !== null && evidence.refusal.until > at;
  return { ...evidence, refusal: null, clearedAt: isInForce ? at : evidence.clearedAt };
}
