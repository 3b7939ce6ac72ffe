import { z } from 'zod';
import type { PoolWindow } from '../../accounts/selection/pool-quota.js';
import { GENERAL_METER, meterKey } from '../../usage/meter.js';
import { creditsFrom, type HeaderQuota } from '../../usage/quota-report.js';
import { type QuotaWindow, windowOf } from '../../usage/quota-window.js';
import { isRecord } from '../../runtime/is-record.js';
import { jsonOf } from '../request/message.js';

const windowSchema = z
  .object({
    used_percent: z.number().min(0),
    window_minutes: z.number().positive(),
    reset_at: z.number().positive().nullish().catch(null),
  })
  .nullish()
  .catch(null);
const schema = z.object({ rate_limits: z.object({ primary: windowSchema, secondary: windowSchema }) });

/** The type of the message with the account's quota. */
export const QUOTA_MESSAGE = 'codex.rate_limits';

/** The quota in a `codex.rate_limits` message, of the meter that it names (docs/protocol.md, WebSocket). */
export function quotaFromMessage(message: Buffer, now: number): HeaderQuota {
  const json = jsonOf(message);
  const meter = meterIn(json);
  const seen = meter === null ? [] : windowsIn(json, now);
  const isGeneral = meter === GENERAL_METER;
  const label =
    isRecord(json) && typeof json['limit_name'] === 'string' ? json['limit_name'].slice(0, 200) : null;
  return {
    windows: isGeneral ? seen : [],
    meters: meter === null || isGeneral || seen.length === 0 ? new Map() : new Map([[meter, seen]]),
    labels: meter === null || label === null ? new Map() : new Map([[meter, label]]),
    credits: isRecord(json) ? creditsFrom(json['credits']) : null,
  };
}

function windowsIn(json: unknown, now: number): QuotaWindow[] {
  const told = schema.safeParse(json).data?.rate_limits;
  return [told?.primary, told?.secondary].flatMap((it) =>
    it == null ? [] : windowOf(it.used_percent, it.window_minutes * 60, it.reset_at ?? null, null, now),
  );
}

/**
 * A `codex.rate_limits` message with the pool's numbers instead of the account's. Messages without quota and
 * unreadable messages stay unchanged.
 */
export function withPoolQuota(message: Buffer, windows: readonly PoolWindow[]): Buffer {
  const json = jsonOf(message);
  if (
    !isRecord(json) ||
    !isRecord(json['rate_limits']) ||
    windows.length === 0 ||
    meterIn(json) !== GENERAL_METER
  )
    return message;
  const limits = json['rate_limits'];
  const [primary, ...others] = windows;
  const told = {
    ...limits,
    primary: slot(limits['primary'], primary),
    secondary: slot(limits['secondary'], others.at(-1)),
  };
  return Buffer.from(JSON.stringify({ ...json, rate_limits: told }));
}

/** The meter that a message is about; null if its name cannot be read. */
function meterIn(json: unknown): string | null {
  if (!isRecord(json)) return null;
  const name = json['metered_limit_name'] ?? json['limit_name'] ?? GENERAL_METER;
  return typeof name === 'string' ? meterKey(name) : null;
}

function slot(before: unknown, window: PoolWindow | undefined): object | null {
  if (window === undefined) return null;
  const { reset_at: _at, reset_after_seconds: _after, ...others } = isRecord(before) ? before : {};
  return {
    ...others,
    used_percent: Math.round(window.usedRatio * 100),
    window_minutes: Math.round(window.durationSeconds / 60),
    ...(window.resetsAt === null ? {} : { reset_at: Math.round(window.resetsAt / 1_000) }),
  };
}
