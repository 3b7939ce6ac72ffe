import { z } from 'zod';
import { limits } from '../config/limits.js';
import {
  type Credits,
  type MeterQuota,
  type NamedMeter,
  noNamedMeter,
  type QuotaStatement,
} from './account-quota.js';
import { GENERAL_METER, meterKey } from './meter.js';
import { decimal, fullestReset, type QuotaWindow, windowOf } from './quota-window.js';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** The quota in a response head. Meters and windows that it omits are unknown, not ended. */
export interface HeaderQuota {
  readonly windows: readonly QuotaWindow[];
  /** By `meterKey`. */
  readonly meters: ReadonlyMap<string, readonly QuotaWindow[]>;
  /** The labels of meters that have one, by `meterKey`. */
  readonly labels: ReadonlyMap<string, string>;
  readonly credits: HeaderCredits | null;
}

/** Credits in a response head; null for each that it omits or that cannot be read. */
export type HeaderCredits = { readonly [K in keyof Credits]: Credits[K] | null };

/** A poll's report, which names every window and meter of the account. */
export interface PolledQuota {
  readonly plan: string | null;
  readonly windows: readonly QuotaWindow[];
  /** Null if the report does not say. */
  readonly statement: QuotaStatement | null;
  readonly meters: ReadonlyMap<string, NamedMeter>;
  readonly credits: Credits | null;
}

const USED = /^x-(.{1,100})-(?:primary|secondary)-used-percent$/;

/** Reads the windows and credits in a response head (`x-codex-primary-…`, `x-codex-<meter>-…`, docs/protocol.md). */
export function quotaFromHeaders(headers: Headers, now: number): HeaderQuota {
  const meters = new Map<string, QuotaWindow[]>();
  const labels = new Map<string, string>();
  for (const name of Object.keys(headers)) {
    if (!name.endsWith('-used-percent')) continue;
    const family = USED.exec(name)?.[1];
    const key = family === undefined ? null : meterKey(family);
    if (family === undefined || key === null || meters.has(key)) continue;
    const windows = windowsOfFamily(headers, family, now);
    if (windows.length === 0 || meters.size >= limits.metersPerAccount) continue;
    meters.set(key, windows);
    const label = headers[`x-${family}-limit-name`];
    if (typeof label === 'string' && label !== '') labels.set(key, label.slice(0, 200));
  }
  const windows = meters.get(GENERAL_METER) ?? [];
  meters.delete(GENERAL_METER);
  return { windows, meters, labels, credits: creditsInHeaders(headers) };
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

function creditsInHeaders(headers: Headers): HeaderCredits | null {
  const hasCredits = flagIn(headers['x-codex-credits-has-credits']);
  const isUnlimited = flagIn(headers['x-codex-credits-unlimited']);
  const balance = decimal(headers['x-codex-credits-balance']);
  if (hasCredits === null && isUnlimited === null && balance === null) return null;
  return { hasCredits, isUnlimited, balance };
}

/** Reads the credits of an event or a poll; null for each field that is absent or unreadable, null for none at all. */
export function creditsFrom(value: unknown): HeaderCredits | null {
  const credits = creditsSchema.safeParse(value).data;
  if (credits === undefined) return null;
  const hasCredits = flagIn(credits.has_credits);
  const isUnlimited = flagIn(credits.unlimited);
  const read = typeof credits.balance === 'number' ? credits.balance : decimal(credits.balance ?? undefined);
  const balance = read !== null && Number.isFinite(read) ? read : null;
  if (hasCredits === null && isUnlimited === null && balance === null) return null;
  return { hasCredits, isUnlimited, balance };
}

/** A flag as upstream spells it: a boolean, or `True`, `0` and the like as text; null for anything else. */
function flagIn(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  if (typeof value !== 'string') return null;
  if (/^\s*(?:true|1)\s*$/i.test(value)) return true;
  return /^\s*(?:false|0)\s*$/i.test(value) ? false : null;
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
  has_credits: z.unknown().optional(),
  unlimited: z.unknown().optional(),
  balance: z.union([z.number(), z.string()]).nullish().catch(null),
});
const usageSchema = z.object({
  plan_type: z.string().min(1).nullish().catch(null),
  rate_limit: limitSchema.nullish().catch(null),
  additional_rate_limits: z.array(z.unknown()).nullish().catch(null),
  credits: z.unknown().optional(),
});

/** Reads `GET /wham/usage` (docs/protocol.md). Null for any other JSON; the windows may be empty. */
export function quotaFromUsage(json: unknown, now: number): PolledQuota | null {
  const parsed = usageSchema.safeParse(json);
  if (!parsed.success || (parsed.data.plan_type == null && parsed.data.rate_limit == null)) return null;
  const { plan_type: plan, rate_limit: limit, additional_rate_limits: others, credits } = parsed.data;
  return {
    plan: plan?.toLowerCase() ?? null,
    windows: windowsIn(limit, now),
    statement: statementOf(isAllowedIn(limit), windowsIn(limit, now), now),
    meters: metersIn(others ?? [], now),
    credits: polledCredits(credits),
  };
}

/** The report as of the time at which it was asked for: a success since then is newer. */
export function askedThen(report: PolledQuota, askedAt: number): PolledQuota {
  const then = <T extends Pick<MeterQuota, 'windows' | 'statement'>>(it: T): T => ({
    ...it,
    windows: it.windows.map((window) => ({ ...window, seenAt: askedAt })),
    statement: it.statement === null ? null : { ...it.statement, at: askedAt },
  });
  return { ...then(report), meters: new Map([...report.meters].map(([key, it]) => [key, then(it)])) };
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
      statement: statementOf(isAllowedIn(meter.rate_limit), windowsIn(meter.rate_limit, now), now),
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

/** Upstream's statement with the end of a refusal: the reset of the fullest window, or soon if no window states one. */
export function statementOf(
  isAllowed: boolean | null,
  windows: readonly QuotaWindow[],
  at: number,
): QuotaStatement | null {
  if (isAllowed === null) return null;
  return { isAllowed, at, until: fullestReset(windows, at) ?? at + limits.quotaUnknownMs };
}

/** A poll names all fields; those that it omits are not there. */
function polledCredits(value: unknown): Credits | null {
  const credits = creditsFrom(value);
  if (credits === null) return null;
  const { hasCredits, isUnlimited, balance } = credits;
  return { hasCredits: hasCredits ?? false, isUnlimited: isUnlimited ?? false, balance };
}
