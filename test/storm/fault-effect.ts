import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { failedFirst, refuses } from '../../src/fake-upstream/script/responses.js';
import {
  deactivated,
  forbidden,
  rateLimit,
  unauthorized,
  usageLimit,
} from '../../src/fake-upstream/script/refusals.js';
import { errorOf } from './storm-turn.js';
import type { Fault } from './fault-mix.js';
import { breaksOff, closes, code, passing } from './attempt-faults.js';
import type { Remedy, SpellEnd, SpellKind } from './outage.js';

/** What the table says of an account after an answer. */
export interface Out {
  readonly kind: SpellKind;
  readonly end: SpellEnd;
  readonly isSure: boolean;
  /** Until then upstream answers every attempt on the account so, epoch ms. */
  readonly standsUntil: number;
}

export interface Meaning {
  readonly answer: ScriptedResponse;
  readonly out: Out | null;
}

/** The times of a storm, ms. */
export interface StormTimes {
  /** How long a usage limit lasts, from and to. */
  readonly limitMs: readonly [number, number];
}

const A_MOMENT_MS = 300;
/** Told any later, a reset would be over before the program has read of it, and tells it nothing. */
const LAST_TOLD_MS = 400;
/** The longest pause of rate limits that name no time; `oracle.ts` knows how many came in a row. */
const FIRST_PAUSE_MS = 2_000;

/** Until the operator does this, some tenths of a second from now. */
function until(remedy: Remedy, kind: SpellKind, now: number, dice: number, isSure = true): Out {
  const dueAt = now + 100 + dice * 400;
  return { kind, end: { remedy, dueAt }, isSure, standsUntil: Infinity };
}

/** What upstream answers to an attempt that meets a fault, and what follows from it by the table. */
export function meaningOf({ kind, dice }: Fault, mark: string, now: number, times: StormTimes): Meaning {
  const [least, most] = times.limitMs;
  switch (kind) {
    case 'usage limit':
    case 'usage limit as first event': {
      const resetsAt = Math.ceil((now + least + dice * (most - least)) / 1_000);
      const end = { at: resetsAt * 1_000 };
      const out: Out = { kind: 'quota', end, isSure: true, standsUntil: end.at - LAST_TOLD_MS };
      if (kind === 'usage limit') return { answer: usageLimit({ resetsAt }), out };
      return { answer: failedFirst('usage_limit_reached', 'made up', { resets_at: resetsAt }), out };
    }
    case 'bare 429': {
      const end = { leastMs: FIRST_PAUSE_MS, mostMs: FIRST_PAUSE_MS };
      return { answer: rateLimit(), out: { kind: 'rate-limited', end, isSure: true, standsUntil: 0 } };
    }
    case 'retry-after in seconds':
      return { answer: rateLimit(1), out: limitedFor(1_000) };
    case 'retry-after as date': {
      const at = Math.ceil((now + A_MOMENT_MS) / 1_000) * 1_000;
      const answer = rateLimit(new Date(at).toUTCString());
      return { answer, out: { kind: 'rate-limited', end: { at }, isSure: true, standsUntil: 0 } };
    }
    case 'try again in': {
      const ms = Math.round(150 + dice * 700);
      return {
        answer: rateLimit(undefined, `Rate limit reached. Please try again in ${ms}ms.`),
        out: limitedFor(ms),
      };
    }
    case 'usage not included':
      return {
        answer: refuses(429, code('usage_not_included', mark)),
        out: until('reset', 'model', now, dice),
      };
    case 'usage not included as first event': {
      const answer = failedFirst('usage_not_included', errorOf(mark));
      return { answer, out: until('reset', 'model', now, dice) };
    }
    case 'model not supported':
      return {
        answer: refuses(400, code('model_not_supported', mark)),
        out: until('reset', 'model', now, dice),
      };
    case 'forbidden':
      return { answer: forbidden(), out: until('reset', 'refused', now, dice) };
    case 'rejected after a refresh':
      // Only the second 401 takes it out, which may be that of another request: not sure.
      return { answer: unauthorized(), out: until('reset', 'refused', now, dice, false) };
    case 'needs login':
      return { answer: unauthorized(), out: { ...until('new file', 'login', now, dice), standsUntil: 0 } };
    case 'deactivated': {
      const is402 = dice < 0.5;
      const answer = is402 ? deactivated() : refuses(403, code('account_deactivated', mark));
      return { answer, out: until(is402 ? 'poll' : 'new file', 'deactivated', now, dice) };
    }
    case 'unreachable': {
      const at = Math.round(now + A_MOMENT_MS + dice * 200);
      return {
        answer: closes(dice),
        out: { kind: 'unreachable', end: { at }, isSure: false, standsUntil: at },
      };
    }
    case 'expired token':
      return { answer: unauthorized(), out: null };
    case 'breaks before output':
    case 'breaks after output':
      return { answer: breaksOff(kind, mark, dice), out: null };
    case 'upstream-error':
    case 'overloaded':
    case 'overloaded as first event':
    case 'reset before the head':
    case 'closed before the head':
    case 'edge block':
    case 'failed with another code':
    case 'other 4xx':
    case 'invalid encrypted content':
    case 'no stream':
    case 'paused':
      return { answer: passing(kind, mark, dice), out: null };
    default:
      return kind satisfies never;
  }
}

function limitedFor(ms: number): Out {
  return { kind: 'rate-limited', end: { leastMs: ms, mostMs: ms }, isSure: true, standsUntil: 0 };
}
