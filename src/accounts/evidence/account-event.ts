import type { RefusalScope } from './refusal-scope.js';
import type { Counted } from './scope-evidence.js';

/** The meters with room left, as upstream reported them in response to a request sent at `askedAt`. */
export interface QuotaReport {
  readonly askedAt: number;
  readonly openMeters: ReadonlySet<RefusalScope>;
  /** The labels of the named meters; empty for a response head, which has none. */
  readonly meterNames: ReadonlyMap<RefusalScope, string>;
  readonly at: number;
}

/**
 * The model of a request if upstream has named the meter that counts it; null if it has not, or if the request names no
 * model.
 */
interface OnNamedMeter {
  readonly meteredModel: string | null;
}

/** New evidence about an account; `at` is epoch ms. */
export type AccountEvent =
  /** A response with output; `scopes` are those that the request belongs to. */
  | ({
      readonly kind: 'served';
      readonly scopes: readonly RefusalScope[];
      readonly startedAt: number;
      readonly at: number;
    } & OnNamedMeter)
  | ({
      readonly kind: 'quota-exhausted';
      readonly scope: RefusalScope;
      readonly until: number;
      readonly at: number;
    } & OnNamedMeter)
  | ({
      readonly kind: 'rate-limited';
      readonly scope: RefusalScope;
      readonly retryAfterMs: number | null;
    } & Counted &
      OnNamedMeter)
  /** Rejected even with a fresh token, or until a refresh may be tried again. `until` null: the default cooldown. */
  | {
      readonly kind: 'unauthorized';
      readonly scope: RefusalScope;
      readonly until: number | null;
      readonly at: number;
    }
  | { readonly kind: 'forbidden'; readonly scope: RefusalScope; readonly at: number }
  | { readonly kind: 'deactivated'; readonly code: string; readonly at: number }
  | { readonly kind: 'not-entitled'; readonly model: string; readonly at: number }
  | ({ readonly kind: 'upstream-error'; readonly scope: RefusalScope } & Counted)
  /** A response broke off (`cut`), or was complete (`completed`), after part of it had reached the client. */
  | ({ readonly kind: 'cut'; readonly scope: RefusalScope } & Counted)
  | ({ readonly kind: 'completed'; readonly scope: RefusalScope } & Counted)
  | ({ readonly kind: 'polled' } & QuotaReport)
  /** The quota windows in a response head. */
  | ({ readonly kind: 'quota-seen' } & QuotaReport)
  /** New tokens: from our own refresh, or from a changed file. */
  | { readonly kind: 'credential-renewed'; readonly isRefresh: boolean; readonly at: number }
  /** A person has logged in to this account again. */
  | { readonly kind: 'logged-in'; readonly at: number }
  | { readonly kind: 'plan-changed'; readonly at: number }
  /** The operator has cleared the evidence against the account. */
  | { readonly kind: 'reset'; readonly at: number };
