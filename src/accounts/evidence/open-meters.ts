import { type AccountQuota, canPay, hasRoom } from '../../usage/account-quota.js';
import type { HeaderQuota } from '../../usage/quota-report.js';
import { GENERAL_SCOPE, meterScope, type RefusalScope } from './refusal-scope.js';

/** The labels of an account's named meters. */
export function meterNames({ meters }: AccountQuota): ReadonlyMap<RefusalScope, string> {
  return new Map([...meters].map(([key, { label }]) => [meterScope(key), label ?? key]));
}

/** The meters of an account that have room, as upstream reports them. */
export function openMeters(
  { general, meters, credits }: AccountQuota,
  now: number,
): ReadonlySet<RefusalScope> {
  const open = new Set<RefusalScope>();
  if (hasRoom(general, credits, now)) open.add(GENERAL_SCOPE);
  for (const [key, meter] of meters) if (hasRoom(meter, credits, now)) open.add(meterScope(key));
  return open;
}

/** The meters that a response head has reported to have room. The others are unknown: an older report ends no refusal. */
export function openMetersIn(
  { windows, meters, credits }: HeaderQuota,
  known: AccountQuota,
  now: number,
): ReadonlySet<RefusalScope> {
  const paying = credits === null ? null : known.credits;
  if (canPay(paying)) return openMeters({ ...known, credits: paying }, now);
  const open = new Set<RefusalScope>();
  if (windows.length > 0 && hasRoom(known.general, paying, now)) open.add(GENERAL_SCOPE);
  for (const key of meters.keys()) {
    const meter = known.meters.get(key);
    if (meter !== undefined && hasRoom(meter, paying, now)) open.add(meterScope(key));
  }
  return open;
}
