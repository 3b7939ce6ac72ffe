import { creditCodes, creditsExhausted } from '../../src/fake-upstream/script/field-refusals.js';
import { SPARK_MODEL } from '../../src/fake-upstream/script/meter.js';
import {
  type MeterPlace,
  usageLimit,
  usageLimitFirst,
  type UsageLimitOptions,
} from '../../src/fake-upstream/script/refusals.js';
import { failedFirst } from '../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { failed } from '../../src/fake-upstream/script/turn-events.js';
import { failsAfterOutput } from './attempt-faults.js';
import type { OutageEffect } from './fault-effect.js';
import { generalModels } from './sessions.js';
import { errorOf } from './storm-turn.js';

/** Faults that report a limit of the meter that counts the turn's model. */
export type LimitFault =
  | 'usage limit'
  | 'usage limit as first event'
  | 'usage limit after output'
  | 'credits exhausted';

/** A refusal closer than this to its reset would have no effect: the reset would pass before the program reads it. */
const LAST_ANNOUNCED_MS = 400;
const CREDIT_STATUSES = [402, 403, 429, 503];
const SPARK_METER = 'codex_bengalfox';
const meterPlaces: readonly MeterPlace[] = ['header', 'limit_name', 'metered_limit_name'];

const isSpark = (model: string): boolean => model === SPARK_MODEL;
const pick = <T>(from: readonly T[], roll: number): T | undefined => from[Math.floor(roll * from.length)];

/** The kind of a limit that a turn of this model meets, and the models that it concerns. */
export const limitOf = (model: string): Pick<OutageEffect, 'kind' | 'models'> =>
  isSpark(model) ? { kind: 'meter', models: [SPARK_MODEL] } : { kind: 'quota', models: generalModels };

/** Upstream's usage limit on a turn of this model, in one of its forms, with its end between two durations (ms). */
export function limitEffect(
  kind: Exclude<LimitFault, 'credits exhausted'>,
  { model, mark, roll }: { readonly model: string; readonly mark: string; readonly roll: number },
  now: number,
  [least, most]: readonly [number, number],
): { readonly response: ScriptedResponse; readonly outage: OutageEffect } {
  const resetsAt = Math.ceil((now + least + roll * (most - least)) / 1_000);
  const end = { at: resetsAt * 1_000 };
  const options = { ...namingOf(model, (roll * 7) % 1), resetsAt };
  return {
    response: limitResponse(kind, options, mark),
    outage: { ...limitOf(model), end, isCertain: true, persistsUntil: end.at - LAST_ANNOUNCED_MS },
  };
}

function limitResponse(
  kind: Exclude<LimitFault, 'credits exhausted'>,
  options: UsageLimitOptions & { readonly resetsAt: number },
  mark: string,
): ScriptedResponse {
  switch (kind) {
    case 'usage limit':
      return usageLimit(options);
    case 'usage limit as first event':
      return usageLimitFirst(options);
    case 'usage limit after output': {
      const { meter, meterIn = 'limit_name', resetsAt: resets_at } = options;
      // The head of the response was sent long before, so only the event can name the meter.
      const named = meter === undefined ? {} : { [meterIn === 'header' ? 'limit_name' : meterIn]: meter };
      return failsAfterOutput(mark, failed('usage_limit_reached', errorOf(mark), { resets_at, ...named }));
    }
    default:
      return kind satisfies never;
  }
}

/** The name of the meter and its place. The general one can be left out. */
function namingOf(model: string, roll: number): UsageLimitOptions {
  const meterIn = pick(meterPlaces, roll) ?? 'header';
  if (isSpark(model)) return { meter: SPARK_METER, meterIn };
  return roll < 0.5 ? {} : { meter: 'codex', meterIn };
}

/** Upstream's refusal of an account without credits, under one of several statuses or as first event. */
export function creditsResponse(roll: number): ScriptedResponse {
  const code = pick(creditCodes, (roll * 5) % 1) ?? 'credit_balance_exhausted';
  const status = pick(CREDIT_STATUSES, roll);
  return roll > 0.9 || status === undefined ? failedFirst(code) : creditsExhausted(code, status);
}
