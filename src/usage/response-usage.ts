import { isRecord } from '../runtime/is-record.js';
import type { TokenCount } from './sums/token-columns.js';

/** A larger count is absurd and would spoil the sums. */
const MAX_COUNT = 1_000_000_000;
const KEY = '"usage"';
/** A `usage` object at the start of a text; its values are numbers, or objects of numbers. */
const usageObject = /^\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})/;
const OBJECT_CHARS = 2_048;

/**
 * Reads the token counts from the data of a final event (docs/protocol.md); null if it has none. The event repeats the
 * whole response, so only its `usage` is parsed if the name occurs once. Quotes in strings are escaped, so no output of
 * the model looks like it.
 */
export function usageFromFinalEvent(data: string): TokenCount | null {
  const at = data.indexOf(KEY);
  if (at === -1) return null;
  if (data.indexOf(KEY, at + 1) === -1) {
    const after = at + KEY.length;
    const object = usageObject.exec(data.slice(after, after + OBJECT_CHARS))?.[1];
    const usage = object === undefined ? null : usageFrom(parsed(object));
    if (usage !== null) return usage;
  }
  const event = parsed(data);
  return isRecord(event) && isRecord(event['response']) ? usageFrom(event['response']['usage']) : null;
}

/** Reads the token counts from a parsed `usage` object (docs/protocol.md); null if it has none. */
export function usageFrom(json: unknown): TokenCount | null {
  if (!isRecord(json)) return null;
  const input = count(json['input_tokens']);
  const output = count(json['output_tokens']);
  if (input === null && output === null) return null;
  return {
    input: input ?? 0,
    cached: countIn(json['input_tokens_details'], 'cached_tokens'),
    output: output ?? 0,
    reasoning: countIn(json['output_tokens_details'], 'reasoning_tokens'),
  };
}

function countIn(details: unknown, name: string): number {
  return isRecord(details) ? (count(details[name]) ?? 0) : 0;
}

/** Null for a missing, negative or absurd count. */
function count(value: unknown): number | null {
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
  return isCount ? value : null;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
