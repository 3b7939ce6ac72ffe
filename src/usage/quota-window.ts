import { z } from 'zod';

/**
 * The used share of an allowance. A window is identified by its duration, not by the slot (`primary`,
 * `secondary`) in which upstream reports it.
 */
export interface QuotaWindow {
  readonly durationSeconds: number;
  /** 0 = untouched, 1 = spent; upstream may report more than 1. */
  readonly usedRatio: number;
  /** Epoch ms; null if upstream does not report it. */
  readonly resetsAt: number | null;
  /** When this was learned, epoch ms. */
  readonly seenAt: number;
}

/** A year. Longer windows are ignored. */
const LONGEST_SECONDS = 366 * 86_400;

const slots = ['primary', 'secondary'] as const;

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** Reads the windows in the headers of a response (`x-codex-primary-…`, docs/protocol.md). */
export function windowsFromHeaders(headers: Headers, now: number): QuotaWindow[] {
  return slots.flatMap((slot) => {
    const used = decimal(headers[`x-codex-${slot}-used-percent`]);
    const minutes = decimal(headers[`x-codex-${slot}-window-minutes`]);
    const resetAt = decimal(headers[`x-codex-${slot}-reset-at`]);
    const resetAfter = decimal(headers[`x-codex-${slot}-reset-after-seconds`]);
    return windowOf(used, minutes === null ? null : minutes * 60, resetAt, resetAfter, now);
  });
}

const number = z.number().nullish().catch(null);
const windowSchema = z
  .object({
    used_percent: number,
    limit_window_seconds: number,
    reset_at: number,
    reset_after_seconds: number,
  })
  .nullish()
  .catch(null);
const usageSchema = z.object({
  plan_type: z.string().min(1).nullish().catch(null),
  rate_limit: z.object({ primary_window: windowSchema, secondary_window: windowSchema }).nullish(),
});

export interface QuotaResponse {
  readonly plan: string | null;
  readonly windows: readonly QuotaWindow[];
}

/** Reads `GET /wham/usage` (docs/protocol.md). Null for any other JSON; the windows may be empty. */
export function quotaFromUsage(json: unknown, now: number): QuotaResponse | null {
  const parsed = usageSchema.safeParse(json);
  if (!parsed.success || (parsed.data.plan_type == null && parsed.data.rate_limit == null)) return null;
  const { primary_window: primary, secondary_window: secondary } = parsed.data.rate_limit ?? {};
  const windows = [primary, secondary].flatMap((it) =>
    it == null
      ? []
      : windowOf(
          it.used_percent ?? null,
          it.limit_window_seconds ?? null,
          it.reset_at ?? null,
          it.reset_after_seconds ?? null,
          now,
        ),
  );
  return { plan: parsed.data.plan_type?.toLowerCase() ?? null, windows };
}

/** Returns the window, or nothing if its share or duration is absent, negative or not a number. Zero is a value. */
function windowOf(
  usedPercent: number | null,
  durationSeconds: number | null,
  resetAt: number | null,
  resetAfterSeconds: number | null,
  now: number,
): QuotaWindow[] {
  if (
    usedPercent === null ||
    !(usedPercent >= 0) ||
    durationSeconds === null ||
    !(durationSeconds > 0 && durationSeconds <= LONGEST_SECONDS)
  )
    return [];
  const longest = now + durationSeconds * 1_000;
  let resetsAt: number | null = null;
  if (resetAt !== null && resetAt > 0) resetsAt = resetAt * 1_000;
  else if (resetAfterSeconds !== null && resetAfterSeconds >= 0) resetsAt = now + resetAfterSeconds * 1_000;
  return [
    {
      durationSeconds: Math.round(durationSeconds),
      usedRatio: usedPercent / 100,
      resetsAt: resetsAt === null ? null : Math.min(Math.round(resetsAt), longest),
      seenAt: now,
    },
  ];
}

function decimal(value: string | string[] | undefined): number | null {
  if (typeof value !== 'string' || !/^\d+(\.\d+)?$/.test(value.trim())) return null;
  return Number(value);
}

/** Returns the share that is left now, 0–1. A window whose reset has passed is full again. */
export function leftRatio(window: QuotaWindow, now: number): number {
  if (window.resetsAt !== null && window.resetsAt <= now) return 1;
  return Math.min(1, Math.max(0, 1 - window.usedRatio));
}

/** Whether any window is spent. */
export function isAnyFull(windows: readonly QuotaWindow[], now: number): boolean {
  return windows.some((it) => leftRatio(it, now) === 0);
}
