import type { UsageSplit } from '../../api/usage.js';
import type { UsageGroup } from './sentences.js';

/** Returns the name of a group for people: its own, its key, or why it has none. */
export function groupName({ key, name }: Pick<UsageGroup, 'key' | 'name'>, by: UsageSplit): string {
  if (name !== null) return name;
  if (key === '') return `no ${by.replace('-', ' ')} named`;
  if (by === 'account') return 'an account that has left';
  return by === 'session' || by === 'project' ? `${key.slice(0, 10)}…` : key;
}

/** Returns a price in US dollars: `$0.04`, `$12.50`, `$1,240`. */
export function costWords(dollars: number): string {
  if (dollars > 0 && dollars < 0.01) return 'under $0.01';
  if (dollars >= 1_000) return `$${Math.round(dollars).toLocaleString('en')}`;
  return `$${dollars.toFixed(2)}`;
}
