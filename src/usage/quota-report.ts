import { z } from 'zod';
import { limits } from '../config/limits.js';
import { type Credits, type NamedMeter, noNamedMeter } from './account-quota.js';
import { GENERAL_METER, meterKey } from './meter.js';
import { decimal, type QuotaWindow, windowOf } from './quota-window.js';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The quota in a response head. Meters and windows that it omits are unknown, not ended. */
export interface HeaderQuota {
  readonly windows: readonly QuotaWindow[];
  /** By `meterKey`. */
  readonly meters: ReadonlyMap<string, readonly QuotaWindow[]>;
  readonly credits: Credits | null;
}

/** A poll's report, which names every window and meter of the account. */
export interface PolledQuota {
  readonly plan: string | null;
  readonly windows: readonly QuotaWindow[];
  /** Null if the report does not say. */
  readonly isAllowed: boolean | null;
  readonly meters: ReadonlyMap<string, NamedMeter>;
  readonly credits: Credits | null;
}

const USED = /^x-(.{1,100})-(?:primary|secondary)-used-percent$/;

/** Reads the windows and credits in a response head (`x-codex-primary-…`, `x-codex-<meter>-…`, docs/protocol.md). */
export function quotaFromHeaders(headers: Headers, now: number): HeaderQuota {
  const meters = new Map<string, QuotaWindow[]>();
  for (const name of Object.keys(headers)) {
    if (!name.endsWith('-used-percent')) continue;
    const family = USED.exec(name)?.[1];
    const key = family === undefined ? null : meterKey(family);
    if (family === undefined || key === null || meters.has(key)) continue;
    const windows = windowsOfFamily(headers, family, now);
    if (windows.length > 0 && meters.size < limits.metersPerAccount) meters.set(key, windows);
  }
  const windows = meters.get(GENERAL_METER) ?? [];
  meters.delete(GENERAL_METER);
  return { windows, meters, credits: creditsInHeaders(headers) };
}

function windowsOfFamily(headers: Headers, family: string, now: number): QuotaWindow[] {
  return (['primary', 'secondary'] as const).flatMap((slot) => {
    const field = (name: string) => decimal(headers[`x-${family}-${slot}-${name}`]);
    const minutes = field('window-minutes');
    return windowOf(
      field('used-percent'),
      minutes === null ? null : minutes * 60,
      field('reset-at'),
      field('reset-after-seconds'),
      now,
    );
  });
}

function creditsInHeaders(headers: Headers): Credits | null {
  const flag = (name: string) => {
    const value = headers[`x-codex-credits-${name}`];
    return typeof value === 'string' ? /^(?:true|1)$/i.test(value.trim()) : null;
  };
  const hasCredits = flag('has-credits');
  const isUnlimited = flag('unlimited');
  if (hasCredits === null && isUnlimited === null) return null;
  return {
    hasCredits: hasCredits ?? false,
    isUnlimited: isUnlimited ?? false,
    balance: decimal(headers['x-codex-credits-balance']),
  };
}

const number = z.number().nullish().catch(null);
const flag = z.boolean().nullish().catch(null);
const text = z.string().min(1).max(200).nullish().catch(null);
const windowSchema = z
  .object({
    used_percent: number,
    limit_window_seconds: number,
    reset_at: number,
    reset_after_seconds: number,
  })
  .nullish()
  .catch(null);
const limitSchema = z.object({
  allowed: flag,
  limit_reached: flag,
  primary_window: windowSchema,
  secondary_window: windowSchema,
});
const meterSchema = z.object({
  limit_name: text,
  metered_feature: text,
  normal_model_slug: text,
  rate_limit: limitSchema.nullish().catch(null),
});
const creditsSchema = z.object({
  has_credits: flag,
  unlimited: flag,
  balance: z.union([z.number(), z.string()]).nullish().catch(null),
});
const usageSchema = z.object({
  plan_type: z.string().min(1).nullish().catch(null),
  rate_limit: limitSchema.nullish().catch(null),
  additional_rate_limits: z.array(z.unknown()).nullish().catch(null),
  credits: creditsSchema.nullish().catch(null),
});

/** Reads `GET /wham/usage` (docs/protocol.md). Null for any other JSON; the windows may be empty. */
export function quotaFromUsage(json: unknown, now: number): PolledQuota | null {
  const parsed = usageSchema.safeParse(json);
  if (!parsed.success || (parsed.data.plan_type == null && parsed.data.rate_limit == null)) return null;
  const { plan_type: plan, rate_limit: limit, additional_rate_limits: others, credits } = parsed.data;
  return {
    plan: plan?.toLowerCase() ?? null,
    windows: windowsIn(limit, now),
    isAllowed: isAllowedIn(limit),
    meters: metersIn(others ?? [], now),
    credits: creditsIn(credits),
  };
}

function metersIn(entries: readonly unknown[], now: number): ReadonlyMap<string, NamedMeter> {
  const meters = new Map<string, NamedMeter>();
  for (const entry of entries.slice(0, limits.metersPerAccount)) {
    const meter = meterSchema.safeParse(entry).data;
    const key = meterKey(meter?.metered_feature ?? meter?.limit_name ?? '');
    if (meter === undefined || key === null || key === GENERAL_METER) continue;
    meters.set(key, {
      ...noNamedMeter,
      windows: windowsIn(meter.rate_limit, now),
      isAllowed: isAllowedIn(meter.rate_limit),
      reportedAt: now,
      label: meter.limit_name ?? null,
      normalModel: meter.normal_model_slug ?? null,
    });
  }
  return meters;
}

function windowsIn(limit: z.infer<typeof limitSchema> | null | undefined, now: number): QuotaWindow[] {
  return [limit?.primary_window, limit?.secondary_window].flatMap((it) =>
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
}

/** `limit_reached` outranks `allowed`; null if the report has neither. */
function isAllowedIn(limit: z.infer<typeof limitSchema> | null | undefined): boolean | null {
  return limit?.limit_reached === true ? false : (limit?.allowed ?? null);
}

function creditsIn(credits: z.infer<typeof creditsSchema> | null | undefined): Credits | null {
  if (credits == null || (credits.has_credits == null && credits.unlimited == null)) return null;
  const balance =
    typeof credits.balance === 'number' ? credits.balance : decimal(credits.balance ?? undefined);
  return {
    hasCredits: credits.has_credits ?? false,
    isUnlimited: credits.unlimited ?? false,
    balance: balance !== null && Number.isFinite(balance) ? balance : null,
  };
}
