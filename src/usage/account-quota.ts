import { GENERAL_METER, meterKey } from './meter.js';
import { leftRatio, type QuotaWindow } from './quota-window.js';

/** Upstream's statement on a meter. Times are epoch ms. */
export interface QuotaStatement {
  readonly isAllowed: boolean;
  /** When upstream was asked. */
  readonly at: number;
  /** When a `false` ends: at the reset of the window that was fullest then. */
  readonly until: number;
}

/** The quota of one meter of an account. */
export interface MeterQuota {
  /** Shortest first; empty if unknown. */
  readonly windows: readonly QuotaWindow[];
  /** Upstream's statement on whether it serves requests on this meter; null if it made none. */
  readonly statement: QuotaStatement | null;
  /** Whether the windows were read from the database and not confirmed since. */
  readonly isRestored: boolean;
}

/** A meter other than the general one (docs/protocol.md, meters). */
export interface NamedMeter extends MeterQuota {
  /** The name for people, such as `GPT-5.3-Codex-Spark`; null if upstream gave none. */
  readonly label: string | null;
  /** The model that upstream names as this meter's ordinary one; null if none. */
  readonly normalModel: string | null;
}

/** Paid credits, which serve when the quota is used up (docs/protocol.md, credits). */
export interface Credits {
  readonly hasCredits: boolean;
  readonly isUnlimited: boolean;
  /** Null if upstream gave none. */
  readonly balance: number | null;
}

/** Everything known about an account's quota. */
export interface AccountQuota {
  readonly general: MeterQuota;
  /** By `meterKey`. */
  readonly meters: ReadonlyMap<string, NamedMeter>;
  /** Null if unknown. */
  readonly credits: Credits | null;
}

const noMeterQuota: MeterQuota = { windows: [], statement: null, isRestored: false };
export const noNamedMeter: NamedMeter = { ...noMeterQuota, label: null, normalModel: null };
export const noQuota: AccountQuota = { general: noMeterQuota, meters: new Map(), credits: null };

/** The quota of a meter; unknown if upstream has not reported the meter. */
export function quotaOfMeter({ general, meters }: AccountQuota, meter: string): MeterQuota {
  return meter === GENERAL_METER ? general : (meters.get(meter) ?? noMeterQuota);
}

/**
 * The meters that may count a model's turns on this account: its own, if one bears its name. A meter that names it as
 * its ordinary model may count it, and so may the general one.
 */
export function metersNaming({ meters }: AccountQuota, model: string): readonly string[] {
  const wanted = meterKey(model);
  const also: string[] = [];
  for (const [key, { label, normalModel }] of meters) {
    if (key === wanted || (label !== null && meterKey(label) === wanted)) return [key];
    if (normalModel?.toLowerCase() === model.toLowerCase()) also.push(key);
  }
  return [GENERAL_METER, ...also];
}

/** The key of the meter with this name or label on this account; the name's own key if the account has no such meter. */
export function meterNamed({ meters }: AccountQuota, name: string): string | null {
  const wanted = meterKey(name);
  if (wanted === null || meters.has(wanted)) return wanted;
  for (const [key, { label }] of meters) {
    if (label !== null && meterKey(label) === wanted) return key;
  }
  return wanted;
}

/** Whether credits can pay for a turn. */
export function canPay(credits: Credits | null): boolean {
  if (credits === null) return false;
  return credits.isUnlimited || (credits.hasCredits && credits.balance !== 0) || (credits.balance ?? 0) > 0;
}

/** Whether upstream's report leaves room on a meter: by its own statement, else by its windows and the credits. */
export function hasRoom({ windows, statement }: MeterQuota, credits: Credits | null, now: number): boolean {
  return statement?.isAllowed ?? (canPay(credits) || windows.every((it) => leftRatio(it, now) > 0));
}
