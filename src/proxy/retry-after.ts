import { limits } from '../limits.js';

/**
 * How long to wait, ms: the `Retry-After` header (RFC 9110 10.2.3: whole seconds, or a date), else the
 * "try again in 1.2s" of a message. Null when neither tells; never negative, never beyond the longest window.
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

function fromMessage(message: string): number | null {
  const match =
    /try again in (\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|seconds?|m|min|minutes?|h|hours?|d|days?)\b/i.exec(
      message,
    );
  const amount = match?.[1];
  const word = match?.[2]?.toLowerCase();
  if (amount === undefined || word === undefined) return null;
  const unit = word.startsWith('milli') || word === 'ms' ? 'ms' : word.charAt(0);
  return Math.ceil(Number(amount) * (unitMs[unit] ?? 0));
}
