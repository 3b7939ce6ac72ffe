import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Account } from '../../accounts/account.js';
import { limits } from '../../config/limits.js';
import { RequestLog } from '../../observability/request-log.js';
import { credentialOf } from '../../tokens/credential-file/credential.js';
import { idle } from '../../tokens/refresh-state.js';
import { ProxyRequest } from '../request/proxy-request.js';
import { ReplayBudget } from '../request/replay-budget.js';
import { FailoverContext } from './failover-context.js';
import { RequestRecord } from './request-record.js';

afterEach(() => void vi.useRealTimers());

const assigned = { isOverflow: false };

function newContext(): FailoverContext {
  const { signal } = new AbortController();
  const request = ProxyRequest.ofUpgrade(new IncomingMessage(new Socket()), '', new ReplayBudget(), signal);
  const record = new RequestRecord(request, 'turn', new RequestLog());
  return new FailoverContext(request, 'responses', record, null);
}

function account(name: string): Account {
  const credential = credentialOf({
    accessToken: name,
    refreshToken: null,
    idToken: null,
    accountId: name,
    lastRefreshAt: null,
  });
  return new Account(name, {
    current: {
      name,
      credential,
      refresh: idle,
      warning: null,
      isLink: false,
      id: name,
      grantedAt: null,
      unsaved: null,
    },
  });
}

describe('the attempts of a request', () => {
  it('are limited in number, whether on one account or several', () => {
    const context = newContext();
    expect(context.attemptsLeft(3)).toBe(3);
    context.begin(account('a'), assigned);
    context.spend();
    context.begin(account('b'), assigned);
    expect(context.attemptsLeft(3)).toBe(0);
    expect([...context.tried]).toEqual(['a', 'b']);
  });

  it('end when the request has taken too long', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const context = newContext();
    vi.advanceTimersByTime(limits.attemptsMs - 1);
    expect(context.attemptsLeft(3)).toBe(3);
    vi.advanceTimersByTime(1);
    expect(context.attemptsLeft(3)).toBe(0);
  });
});

describe('a recovery', () => {
  it('makes one attempt that does not count, and only one', () => {
    const context = newContext();
    context.begin(account('a'), assigned);
    context.beginRecovery();
    context.allowAgain('a');
    expect([...context.tried]).toEqual([]);
    context.begin(account('a'), assigned);
    expect(context.attemptsLeft(3)).toBe(2);
    context.begin(account('b'), assigned);
    expect(context.attemptsLeft(3)).toBe(1);
  });
});
