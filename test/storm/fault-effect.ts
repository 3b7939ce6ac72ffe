import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { failedFirst, refuses } from '../../src/fake-upstream/script/responses.js';
import { modelNotFound, modelRefusalShapes } from '../../src/fake-upstream/script/field-refusals.js';
import { deactivated, rateLimit, unauthorized } from '../../src/fake-upstream/script/refusals.js';
import { errorOf } from './storm-turn.js';
import type { Fault } from './fault-mix.js';
import { attemptFault, breaksOff, dropsBeforeHead, errorBody } from './attempt-faults.js';
import { creditsResponse, limitEffect, limitOf } from './limit-effect.js';
import type { OutageEnd, OutageKind, Remedy } from './outage.js';

/** The outage that the failover table derives from a response. */
export interface OutageEffect {
  readonly kind: OutageKind;
  /** The only models affected; null for all. */
  readonly models: readonly string[] | null;
  readonly end: OutageEnd;
  readonly isCertain: boolean;
  /** Until this time upstream repeats the response on every attempt on the account, epoch ms. */
  readonly persistsUntil: number;
}

export interface FaultEffect {
  readonly response: ScriptedResponse;
  readonly outage: OutageEffect | null;
}

/** The durations of a storm, ms. */
export interface StormTimes {
  /** The shortest and the longest usage limit. */
  readonly limitMs: readonly [number, number];
}

const SHORT_MS = 300;
/** The longest pause after a first rate limit without a time; `upstream-model.ts` doubles it within a streak. */
const FIRST_PAUSE_MS = 2_000;

/** The attempt that meets a fault; `now` is epoch ms. */
export interface FaultyAttempt {
  readonly mark: string;
  readonly model: string;
  readonly now: number;
}

/** An outage that lasts until the operator acts, some tenths of a second from now. */
function until(
  remedy: Remedy,
  outage: Pick<OutageEffect, 'kind' | 'models'>,
  now: number,
  roll: number,
  isCertain = true,
): OutageEffect {
  const dueAt = now + 100 + roll * 400;
  return { ...outage, end: { remedy, dueAt }, isCertain, persistsUntil: Infinity };
}

const ofAccount = (kind: OutageKind) => ({ kind, models: null });
const ofModel = (model: string) => ({ kind: 'model' as const, models: [model] });

/** Upstream's response to an attempt with a fault, and the outage that follows by the failover table. */
export function effectOf({ kind, roll }: Fault, attempt: FaultyAttempt, times: StormTimes): FaultEffect {
  const { mark, model, now } = attempt;
  switch (kind) {
    case 'usage limit':
    case 'usage limit as first event':
    case 'usage limit after output':
      return limitEffect(kind, { model, mark, roll }, now, times.limitMs);
    case 'credits exhausted':
      return { response: creditsResponse(roll), outage: until('reset', limitOf(model), now, roll) };
    case 'bare 429': {
      const end = { leastMs: FIRST_PAUSE_MS, mostMs: FIRST_PAUSE_MS };
      return {
        response: rateLimit(),
        outage: { ...ofAccount('rate-limited'), end, isCertain: true, persistsUntil: 0 },
      };
    }
    case 'retry-after in seconds':
      return { response: rateLimit(1), outage: limitedFor(1_000) };
    case 'retry-after as date': {
      const at = Math.ceil((now + SHORT_MS) / 1_000) * 1_000;
      return { response: rateLimit(new Date(at).toUTCString()), outage: limitedFor(at - now) };
    }
    case 'try again in': {
      const ms = Math.round(150 + roll * 700);
      return {
        response: rateLimit(undefined, `Rate limit reached. Please try again in ${ms}ms.`),
        outage: limitedFor(ms),
      };
    }
    case 'usage not included':
      return {
        response: refuses(429, errorBody('usage_not_included', mark)),
        outage: until('reset', ofModel(model), now, roll),
      };
    case 'usage not included as first event': {
      const response = failedFirst('usage_not_included', errorOf(mark));
      return { response, outage: until('reset', ofModel(model), now, roll) };
    }
    case 'model not supported':
      return {
        response: modelNotFound(
          model,
          modelRefusalShapes[Math.floor(roll * modelRefusalShapes.length)] ?? '404 detail',
        ),
        outage: until('reset', ofModel(model), now, roll),
      };
    case 'rejected after a refresh':
      // Only the second 401 causes the outage, and it may belong to another request: uncertain.
      return { response: unauthorized(), outage: until('reset', ofAccount('refused'), now, roll, false) };
    case 'needs login':
      return {
        response: unauthorized(),
        outage: { ...until('new file', ofAccount('login'), now, roll), persistsUntil: 0 },
      };
    case 'deactivated': {
      const is402 = roll < 0.5;
      const response = is402 ? deactivated() : refuses(403, errorBody('account_deactivated', mark));
      return { response, outage: until(is402 ? 'poll' : 'new file', ofAccount('deactivated'), now, roll) };
    }
    case 'unreachable': {
      const at = Math.round(now + SHORT_MS + roll * 200);
      return {
        response: dropsBeforeHead(roll),
        outage: { ...ofAccount('unreachable'), end: { at }, isCertain: false, persistsUntil: at },
      };
    }
    case 'expired token':
      return { response: unauthorized(), outage: null };
    case 'breaks before output':
    case 'breaks after output':
      return { response: breaksOff(kind, mark, roll), outage: null };
    case 'upstream-error':
    case 'overloaded':
    case 'overloaded as first event':
    case 'reset before the head':
    case 'closed before the head':
    case 'edge block':
    case 'forbidden':
    case 'failed with another code':
    case 'other 4xx':
    case 'wrong place':
    case 'names another model':
    case 'invalid encrypted content':
    case 'no stream':
    case 'labelled stream':
    case 'mislabelled stream':
    case 'paused':
      return { response: attemptFault(kind, mark, roll), outage: null };
    default:
      return kind satisfies never;
  }
}

function limitedFor(ms: number): OutageEffect {
  const end = { leastMs: ms, mostMs: ms };
  return { ...ofAccount('rate-limited'), end, isCertain: true, persistsUntil: 0 };
}
