import { describe, expect, it } from 'vitest';
import type { Summary } from '../../api/summary.js';
import { alreadyTold, notificationsFor } from './notifications.js';

type Watched = Pick<Summary, 'verdict' | 'problems'>;

const summary = (kind: Summary['verdict']['kind'], accounts: string[] = []): Watched => ({
  verdict: { kind, sentence: `it ${kind}`, next: null, backAt: null },
  problems: accounts.map((account) => ({
    code: 'needs-login',
    account,
    since: 1,
    sentence: `${account} needs a login`,
    action: 'login',
  })),
});

describe('notifications of the browser', () => {
  it('tell only what is new since the page was opened', () => {
    const told = alreadyTold(summary('serves', ['home']));
    expect(notificationsFor(told, summary('serves', ['home']))).toEqual([]);
    expect(notificationsFor(told, summary('serves', ['home', 'work']))).toEqual([
      { title: 'codex-pool: work', body: 'work needs a login', tag: 'needs-login:work' },
    ]);
  });

  it('tell when the pool is out, and when it is back', () => {
    const out = notificationsFor(alreadyTold(summary('serves')), summary('waits'));
    expect(out).toEqual([{ title: 'The pool is out', body: 'it waits', tag: 'pool' }]);
    const back = notificationsFor(alreadyTold(summary('waits')), summary('serves'));
    expect(back).toMatchObject([{ title: 'The pool is back' }]);
    expect(notificationsFor(alreadyTold(summary('waits')), summary('stopping'))).toEqual([]);
  });

  it('never show an e-mail address, even if an account is named like one', () => {
    const accounts = ['me@example.com', 'you@example.com'];
    const [shown, other] = notificationsFor(alreadyTold(summary('serves')), summary('serves', accounts));
    expect(shown).toMatchObject({ title: 'codex-pool: an account', body: 'an account needs a login' });
    expect(shown?.tag).toMatch(/^needs-login:[0-9a-z]+$/);
    expect(other?.tag).not.toBe(shown?.tag);
  });

  it('do not flood the desktop', () => {
    const accounts = Array.from({ length: 200 }, (_, index) => `a${index}`);
    expect(notificationsFor(alreadyTold(summary('serves')), summary('serves', accounts))).toHaveLength(3);
  });
});
