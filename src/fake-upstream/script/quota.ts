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
  const fields = told(windows).flatMap((it) => (it === null ? [] : windowHeaders(it)));
  return Object.fromEntries([['x-codex-active-limit', 'codex'], ['x-codex-plan-type', plan], ...fields]);
}

function windowHeaders(window: ReportedWindow): [string, string][] {
  const name = `x-codex-${window.slot}`;
  return [
    [`${name}-used-percent`, String(window.usedPercent)],
    [`${name}-window-minutes`, String(Math.round(window.windowSeconds / 60))],
    [`${name}-reset-at`, String(window.resetAt)],
    [`${name}-reset-after-seconds`, String(window.resetsInSeconds)],
  ];
}

/** The body of `GET /wham/usage`. */
export function usageBody(
  windows: UsageWindows,
  account: { accountId: string; userId: string; email: string; plan: string },
): object {
  const [primary = null, secondary = null] = told(windows).map((it) => (it === null ? null : windowBody(it)));
  const isFull = windows.some((it) => it !== null && it.usedPercent >= 100);
  return {
    user_id: account.userId,
    account_id: account.accountId,
    email: account.email,
    plan_type: account.plan,
    rate_limit: {
      allowed: !isFull,
      limit_reached: isFull,
      primary_window: primary,
      secondary_window: secondary,
    },
    code_review_rate_limit: null,
    additional_rate_limits: null,
    credits: { has_credits: false, unlimited: false, balance: null },
    promo: null,
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
