import { z } from 'zod';
import type { PoolWindow } from '../../accounts/pool-quota.js';
import type { QuotaWindow } from '../../usage/quota-window.js';
import { isRecord, jsonOf } from './frame.js';

const windowSchema = z
  .object({
    used_percent: z.number().min(0),
    window_minutes: z.number().positive(),
    reset_at: z.number().positive().nullish().catch(null),
  })
  .nullish()
  .catch(null);
const schema = z.object({ rate_limits: z.object({ primary: windowSchema, secondary: windowSchema }) });

/** The quota windows that a `codex.rate_limits` frame tells (docs/protocol.md, WebSocket). */
export function windowsFromFrame(frame: Buffer, now: number): QuotaWindow[] {
  const told = schema.safeParse(jsonOf(frame)).data?.rate_limits;
  return [told?.primary, told?.secondary].flatMap((it) =>
    it == null
      ? []
      : {
          durationSeconds: Math.round(it.window_minutes * 60),
          usedRatio: it.used_percent / 100,
          resetsAt: it.reset_at == null ? null : Math.round(it.reset_at * 1_000),
          seenAt: now,
        },
  );
}

/**
 * A `codex.rate_limits` frame with the pool's numbers in place of those of the one account. One that tells none, or
 * that cannot be read, stays as it is.
 */
export function withPoolQuota(frame: Buffer, windows: readonly PoolWindow[]): Buffer {
  const json = jsonOf(frame);
  if (!isRecord(json) || !isRecord(json['rate_limits']) || windows.length === 0) return frame;
  const limits = json['rate_limits'];
  const [primary, ...others] = windows;
  const told = {
    ...limits,
    primary: slot(limits['primary'], primary),
    secondary: slot(limits['secondary'], others.at(-1)),
  };
  return Buffer.from(JSON.stringify({ ...json, rate_limits: told }));
}

function slot(before: unknown, window: PoolWindow | undefined): object | null {
  if (window === undefined) return null;
  return {
    ...(isRecord(before) ? before : {}),
    used_percent: Math.round(window.usedRatio * 100),
    window_minutes: Math.round(window.durationSeconds / 60),
    ...(window.resetsAt === null ? {} : { reset_at: Math.round(window.resetsAt / 1_000) }),
  };
}
