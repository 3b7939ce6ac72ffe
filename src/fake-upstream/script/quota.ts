/** A quota window, as a test scripts it. */
export interface UsageWindow {
  readonly usedPercent: number;
  readonly windowSeconds: number;
  /** Default: half the window. */
  readonly resetsInSeconds?: number;
}

/** Windows by their slot on the wire: the first is primary, the second secondary. */
export type UsageWindows = readonly (UsageWindow | null)[];

/** A 5 h and a weekly window with little usage. */
export const LITTLE_USED: UsageWindows = [
  { usedPercent: 4, windowSeconds: 18_000 },
  { usedPercent: 2, windowSeconds: 604_800 },
];

const SLOTS = ['primary', 'secondary'] as const;

interface ReportedWindow extends UsageWindow {
  readonly slot: (typeof SLOTS)[number];
  readonly resetsInSeconds: number;
  readonly resetAt: number;
}

function told(windows: UsageWindows): (ReportedWindow | null)[] {
  const now = Math.floor(Date.now() / 1_000);
  return SLOTS.map((slot, index) => {
    const window = windows[index] ?? null;
    if (window === null) return null;
    const resetsInSeconds = window.resetsInSeconds ?? Math.floor(window.windowSeconds / 2);
    return { ...window, slot, resetsInSeconds, resetAt: now + resetsInSeconds };
  });
}

/** The `x-codex-*` header fields of a turn's response. */
export function quotaHeaders(windows: UsageWindows, plan: string): Record<string, string> {
  return Object.fromEntries([
    ['x-codex-active-limit', 'codex'],
    ['x-codex-plan-type', plan],
    ...windowsInHeaders(windows),
  ]);
}

/** The header fields of a quota's windows. `family` is `x-codex`, or `x-codex-bengalfox` for that meter. */
export function windowsInHeaders(windows: UsageWindows, family = 'x-codex'): [string, string][] {
  return told(windows).flatMap((it) => (it === null ? [] : windowHeaders(it, family)));
}

function windowHeaders(window: ReportedWindow, family: string): [string, string][] {
  const name = `${family}-${window.slot}`;
  return [
    [`${name}-used-percent`, String(window.usedPercent)],
    [`${name}-window-minutes`, String(Math.round(window.windowSeconds / 60))],
    [`${name}-reset-at`, String(window.resetAt)],
    [`${name}-reset-after-seconds`, String(window.resetsInSeconds)],
  ];
}

/** A `rate_limit` of `GET /wham/usage`. `allowed` null: allowed unless a window is full. */
export function rateLimitBody(windows: UsageWindows, allowed: boolean | null): object {
  const [primary = null, secondary = null] = told(windows).map((it) => (it === null ? null : windowBody(it)));
  const isAllowed = allowed ?? windows.every((it) => it === null || it.usedPercent < 100);
  return {
    allowed: isAllowed,
    limit_reached: !isAllowed,
    primary_window: primary,
    secondary_window: secondary,
  };
}

function windowBody(window: ReportedWindow): object {
  return {
    used_percent: window.usedPercent,
    limit_window_seconds: window.windowSeconds,
    reset_after_seconds: window.resetsInSeconds,
    reset_at: window.resetAt,
  };
}
