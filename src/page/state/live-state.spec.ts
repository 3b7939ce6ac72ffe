import { effect } from '@preact/signals';
import { describe, expect, it } from 'vitest';
import type { AccountView } from '../../api/account.js';
import type { Snapshot } from '../../api/events.js';
import type { Summary } from '../../api/summary.js';
import { aRequest } from '../../../test/support/page/a-request.js';
import { LiveState, MOST_REQUESTS } from './live-state.js';

const noTokens = { input: 0, cached: 0, output: 0, reasoning: 0, turns: 0 };

const summary: Summary = {
  version: '1.0.0',
  now: 0,
  startedAt: 0,
  verdict: { kind: 'none-yet', sentence: 'Nothing: no account yet', next: null, backAt: null },
  accounts: 0,
  ready: 0,
  inFlight: 0,
  plan: null,
  windows: [],
  meters: [],
  today: { ...noTokens, failovers: 0, failed: 0 },
  policy: 'most-quota-left',
  clientSeenAt: null,
  problems: [],
};

function anAccount(name: string, inFlight = 0): AccountView {
  return {
    name,
    inFlight,
    label: null,
    state: 'ready',
    sentence: '',
    paused: false,
    pausedUntil: null,
    priority: 0,
    reserve: 0,
    maxInFlight: null,
    credits: 'last',
    available: true,
    reason: null,
    since: null,
    until: null,
    plan: null,
    email: null,
    accountId: null,
    userId: null,
    expiresAt: null,
    lastRefreshAt: null,
    refresh: 'idle',
    lastSuccessAt: null,
    warnings: [],
    refusals: [],
    windows: [],
    meters: [],
    creditStatus: null,
    totals: noTokens,
    today: noTokens,
  };
}

const requestAt = (at: number) => aRequest({ id: `r${at}`, at });

function stateOf(more: Partial<Snapshot> = {}): LiveState {
  const state = new LiveState();
  state.takeSnapshot({ summary, accounts: [], requests: [], logins: [], ...more });
  return state;
}

describe('the live state', () => {
  it('tells a reader of one account of that account only', () => {
    const state = stateOf({ accounts: [anAccount('home'), anAccount('work')] });
    const seen: string[] = [];
    const stop = effect(() => void seen.push(`work ${state.account('work')?.inFlight ?? 'gone'}`));
    state.takeDelta({ accounts: [anAccount('home', 1)] });
    state.takeDelta({ accounts: [anAccount('new')] });
    state.takeDelta({ accounts: [anAccount('work', 2)] });
    stop();
    expect(seen).toEqual(['work 0', 'work 2']);
  });

  it('tells a reader that its account has come, has left, and has come back', () => {
    const state = stateOf();
    const seen: string[] = [];
    const stop = effect(() => void seen.push(`${state.account('work')?.inFlight ?? 'gone'}`));
    state.takeDelta({ accounts: [anAccount('work', 1)] });
    state.takeDelta({ accountsGone: ['work'] });
    state.takeDelta({ accounts: [anAccount('work', 2)] });
    state.takeSnapshot({ summary, accounts: [], requests: [], logins: [] });
    stop();
    expect(seen).toEqual(['gone', '1', 'gone', '2', 'gone']);
  });

  it('keeps the accounts by name, and what a delta leaves out', () => {
    const state = stateOf({ accounts: [anAccount('b')] });
    state.takeDelta({ accounts: [anAccount('c'), anAccount('a')] });
    state.takeDelta({});
    expect(state.accountNames.value).toEqual(['a', 'b', 'c']);
    expect(state.summary.value).toBe(summary);
  });

  it('keeps the newest requests, newest first, up to its bound', () => {
    const state = stateOf({ requests: [requestAt(2), requestAt(1)] });
    const many = Array.from({ length: MOST_REQUESTS }, (_, index) => requestAt(3 + index));
    state.takeDelta({ requests: many });
    const ids = state.requestIds.value;
    expect([ids.length, ids[0], ids.at(-1)]).toEqual([MOST_REQUESTS, `r${MOST_REQUESTS + 2}`, 'r3']);
    expect(state.request('r2')).toBe(null);
    state.takeDelta({ requests: [requestAt(2)] });
    expect(state.requestIds.value).toEqual(ids);
    expect(state.request('r2')).toBe(null);
  });
});
