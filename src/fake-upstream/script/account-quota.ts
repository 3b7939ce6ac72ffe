import { type Meter, meterBody, meterHeaders, serves } from './meter.js';
import { LITTLE_USED, quotaHeaders, rateLimitBody, type UsageWindows } from './quota.js';

/** Credits in addition to the quota of an account. */
export interface Credits {
  readonly hasCredits: boolean;
  readonly unlimited: boolean;
  /** A decimal number as text, as the backend sends it. */
  readonly balance: string | null;
}

const NO_CREDITS: Credits = { hasCredits: false, unlimited: false, balance: null };

/** The quota of a made-up account, as the backend reports it: in `/wham/usage` and in the headers of turns. */
export class AccountQuota {
  windows: UsageWindows = LITTLE_USED;
  /** `allowed` of the general quota; null: allowed unless a window is full. */
  allowed: boolean | null = null;
  /** Null: reported as none in `/wham/usage`, and not at all in the headers of turns. */
  credits: Credits | null = null;
  meters: readonly Meter[] = [];

  /** The body of `GET /wham/usage`. */
  body(account: { accountId: string; userId: string; email: string; plan: string }): object {
    const { hasCredits, unlimited, balance } = this.credits ?? NO_CREDITS;
    return {
      user_id: account.userId,
      account_id: account.accountId,
      email: account.email,
      plan_type: account.plan,
      rate_limit: rateLimitBody(this.windows, this.allowed),
      code_review_rate_limit: null,
      additional_rate_limits: this.meters.length === 0 ? null : this.meters.map((it) => meterBody(it)),
      credits: { has_credits: hasCredits, unlimited, balance },
      promo: null,
    };
  }

  /** The `x-codex-*` header fields of a turn's response. A turn counts on the first meter that serves its model. */
  headers(plan: string, model: string | null): Record<string, string> {
    const active = this.meters.find((it) => serves(it, model));
    return {
      ...quotaHeaders(this.windows, plan),
      ...(this.credits === null ? {} : creditHeaders(this.credits)),
      ...Object.assign({}, ...this.meters.map((it) => meterHeaders(it))),
      ...(active === undefined ? {} : { 'x-codex-active-limit': active.feature }),
    };
  }
}

function creditHeaders({ hasCredits, unlimited, balance }: Credits): Record<string, string> {
  return {
    'x-codex-credits-has-credits': pythonText(hasCredits),
    'x-codex-credits-unlimited': pythonText(unlimited),
    ...(balance === null ? {} : { 'x-codex-credits-balance': balance }),
  };
}

/** The backend sends booleans in headers as Python prints them. */
const pythonText = (it: boolean): string => (it ? 'True' : 'False');
