import type { OutgoingHttpHeaders } from 'node:http';
import type { PoolWindow } from '../../accounts/selection/pool-quota.js';

const slots = ['primary', 'secondary'] as const;
const told = slots.map((slot) => `x-codex-${slot}-used-percent`);
const fields = ['used-percent', 'window-minutes', 'reset-at', 'reset-after-seconds'] as const;

/**
 * Replaces the serving account's quota with the pool's (docs/protocol.md, quota). The client displays these numbers as
 * its remaining quota. Responses without quota headers stay unchanged.
 */
export function setPoolQuota(
  headers: OutgoingHttpHeaders,
  windowsOfPool: () => readonly PoolWindow[],
  now: number,
): void {
  if (told.every((it) => headers[it] === undefined)) return;
  const windows = windowsOfPool();
  if (windows.length === 0) return;
  for (const slot of slots) for (const field of fields) delete headers[`x-codex-${slot}-${field}`];
  delete headers['x-codex-primary-over-secondary-limit-percent'];
  // The shortest window is primary, the longest secondary; a pool with one window has no secondary.
  const [primary, ...others] = windows;
  tell(headers, 'primary', primary, now);
  tell(headers, 'secondary', others.at(-1), now);
}

function tell(
  headers: OutgoingHttpHeaders,
  slot: (typeof slots)[number],
  window: PoolWindow | undefined,
  now: number,
): void {
  if (window === undefined) return;
  headers[`x-codex-${slot}-used-percent`] = String(Math.round(window.usedRatio * 100));
  headers[`x-codex-${slot}-window-minutes`] = String(Math.round(window.durationSeconds / 60));
  if (window.resetsAt === null) return;
  headers[`x-codex-${slot}-reset-at`] = String(Math.round(window.resetsAt / 1_000));
  headers[`x-codex-${slot}-reset-after-seconds`] = String(
    Math.max(0, Math.round((window.resetsAt - now) / 1_000)),
  );
}
