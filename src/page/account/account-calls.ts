import type { AccountView, ChangedAccountView } from '../../api/account.js';
import type { LoginView } from '../../api/login.js';
import { call, type Reply } from '../state/api-client.js';
import { live } from '../state/live.js';

/** Changes that `PATCH /admin/accounts/{name}` takes. */
export interface AccountChanges {
  readonly paused?: boolean;
  /** Epoch ms; null: until a person resumes it. */
  readonly pausedUntil?: number | null;
  readonly label?: string | null;
  readonly priority?: number;
  readonly reserve?: number;
  readonly maxInFlight?: number | null;
  readonly credits?: 'last' | 'never';
}

export async function changeAccount(
  name: string,
  changes: AccountChanges,
): Promise<Reply<ChangedAccountView>> {
  return taken(await call<ChangedAccountView>(pathOf(name), { method: 'PATCH', body: changes }));
}

/** `refresh`: its token; `poll`: its quota; `reset`: forgets its cooldowns. */
export async function actOn(name: string, action: 'refresh' | 'poll' | 'reset'): Promise<Reply<AccountView>> {
  return taken(await call<AccountView>(`${pathOf(name)}/${action}`, { method: 'POST' }));
}

export async function removeAccount(name: string): Promise<Reply<{ name: string; movedTo: string }>> {
  return call(pathOf(name), { method: 'DELETE' });
}

export async function beginLogin(name: string): Promise<Reply<LoginView>> {
  return call('/admin/login/browser', { method: 'POST', body: { name } });
}

/** Returns whether a change was stored, in words to follow what it did. */
export function storedWords({ persisted }: ChangedAccountView): string {
  return persisted ? '' : ' It is not stored yet: a restart may undo it.';
}

/** Shows the account's new state at once. */
function taken<T extends AccountView>(reply: Reply<T>): Reply<T> {
  if (reply.ok) live.takeAccount(reply.value);
  return reply;
}

function pathOf(name: string): string {
  return `/admin/accounts/${encodeURIComponent(name)}`;
}
