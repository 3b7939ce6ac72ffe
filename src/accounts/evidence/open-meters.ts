import { type AccountQuota, hasRoom } from '../../usage/account-quota.js';
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
