import { limits } from '../../config/limits.js';

/**
 * The wait in ms from the `Retry-After` header (RFC 9110 10.2.3: whole seconds, or a date), else from "try again in
 * 1.2s" in a message. Null if neither is present; never negative, never longer than the longest window.
 */
export function retryAfterMs(header: string | undefined, message: string, now: number): number | null {
  const told = fromHeader(header?.trim() ?? '', now) ?? fromMessage(message);
  return told === null ? null : Math.min(Math.max(0, told), limits.quotaLongestMs);
}

function fromHeader(value: string, now: number): number | null {
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1_000);
  if (!/^[A-Za-z]{3},? /.test(value)) return null;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : at - now;
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** One amount or several: `1.2s`, `6m0s`, `1h2m`, `20 seconds`. */
function fromMessage(message: string): number | null {
  const told = /try again in ((?:\d+(?:\.\d+)?\s*[a-z]+\s*){1,4})/i.exec(message)?.[1];
  if (told === undefined) return null;
  let ms: number | null = null;
  const amounts =
    /(\d+(?:\.\d+)?)\s*(ms|milliseconds?|seconds?|s|minutes?|min|m|hours?|h|days?|d)(?![a-z])/gi;
  for (const [, amount, word = ''] of told.matchAll(amounts)) {
    const lower = word.toLowerCase();
    const unit = lower.startsWith('milli') || lower === 'ms' ? 'ms' : lower.charAt(0);
    ms = (ms ?? 0) + Number(amount) * (unitMs[unit] ?? 0);
  }
  return ms === null ? null : Math.ceil(ms);
}
