import { expect, it } from 'vitest';
import type { LoginView } from '../../api/login.js';
import { isOpen, loginWords, newestView } from './login-words.js';

const now = new Date(2026, 10, 27, 14, 0).getTime();
const login = (more: Partial<LoginView>): LoginView => ({
  id: 'l1',
  kind: 'browser',
  name: null,
  startedAt: now,
  expiresAt: now + 600_000,
  state: 'waiting',
  ...more,
});

it.each<[Partial<LoginView>, string, boolean]>([
  [{}, 'Waits for your approval until 14:10 (in 10 min).', true],
  [{ state: 'completing' }, 'Approved; the account is being added.', true],
  [{ state: 'succeeded', account: 'work', result: 'added' }, 'work has been added to the pool.', false],
  [{ state: 'succeeded', account: 'work', result: 'renewed' }, 'work has its new login.', false],
  [{ state: 'failed', message: 'The login was refused.' }, 'The login was refused.', false],
  [{ state: 'failed' }, 'The login has failed.', false],
  [{ state: 'expired' }, 'The login was not approved in time.', false],
  [{ state: 'cancelled' }, 'Cancelled.', false],
])('a login with %j: %s', (more, words, open) => {
  expect(loginWords(login(more), now)).toBe(words);
  expect(isOpen(login(more))).toBe(open);
});

it('the address of a login is known from its beginning only', () => {
  const begun = login({ url: 'https://auth.example/' });
  expect(newestView(begun, [login({ state: 'completing' })])).toMatchObject({
    state: 'completing',
    url: 'https://auth.example/',
  });
  expect(newestView(begun, [])).toBe(begun);
});
