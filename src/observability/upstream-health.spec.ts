import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import {
  afterEvent,
  describeTrouble,
  nothingWrong,
  troublesIn,
  type UpstreamEvent,
} from './upstream-health.js';

const served: UpstreamEvent = { kind: 'served' };
const polled: UpstreamEvent = { kind: 'polled' };
const answered: UpstreamEvent = { kind: 'answered' };
const failing = (accountId: string, at = 1): UpstreamEvent => ({ kind: 'failing', accountId, at });
const pollFailing = (accountId: string, at = 1): UpstreamEvent => ({ kind: 'poll-failing', accountId, at });
const blocked = (accountId: string, at = 1): UpstreamEvent => ({ kind: 'blocked', accountId, at });
const unreachable = (at = 1, code: string | null = null): UpstreamEvent => ({
  kind: 'unreachable',
  code,
  at,
});

const after = (...events: UpstreamEvent[]) => events.reduce(afterEvent, nothingWrong);
const kinds = (accounts: number, events: readonly UpstreamEvent[]): string[] =>
  troublesIn(after(...events), accounts).map((it) => it.kind);

describe('upstream trouble', () => {
  it.each<[string, number, UpstreamEvent[], string[]]>([
    ['nothing yet', 3, [], []],
    ['a turn that was served', 3, [served], []],
    ['one network fault', 3, [unreachable()], ['offline']],
    ['any response after it', 3, [unreachable(), answered], []],
    ['a 5xx after it', 3, [unreachable(), failing('a')], []],
    ['an edge page after it', 3, [unreachable(), blocked('a')], []],
    ['a success after it', 3, [unreachable(), served], []],
    ['one account of several that fails repeatedly', 3, [failing('a'), failing('a'), failing('a')], []],
    ['two accounts that fail', 3, [failing('a'), failing('b')], ['provider']],
    [
      'two that fail, and a response that is not a success',
      3,
      [failing('a'), failing('b'), answered],
      ['provider'],
    ],
    ['two that fail with a success between them', 3, [failing('a'), served, failing('b')], []],
    ['two that fail, and a success', 3, [failing('a'), failing('b'), served], []],
    ['one that fails again after the success', 3, [failing('a'), failing('b'), served, failing('a')], []],
    ['the only account that fails', 1, [failing('a')], ['provider']],
    ['a failure, and no account left', 0, [failing('a')], ['provider']],
    ['two turns that fail, and a good poll', 3, [failing('a'), failing('b'), polled], ['provider']],
    ['two polls that fail', 3, [pollFailing('a'), pollFailing('b')], ['provider']],
    ['two polls that fail, and a good one', 3, [pollFailing('a'), pollFailing('b'), polled], []],
    ['two polls that fail, and a served turn', 3, [pollFailing('a'), pollFailing('b'), served], []],
    ['a turn and a poll that fail', 3, [failing('a'), pollFailing('b')], ['provider']],
    ['a turn and a poll of one account that fail', 3, [failing('a'), pollFailing('a')], []],
    ['a turn and a poll that fail, and a good poll', 3, [failing('a'), pollFailing('b'), polled], []],
    ['a network fault, and a good poll', 3, [unreachable(), polled], []],
    ['two blocked turns, and a good poll', 3, [blocked('a'), blocked('b'), polled], ['edge-block']],
    ['one account that the edge blocks', 2, [blocked('a'), blocked('a')], []],
    ['two accounts that the edge blocks', 2, [blocked('a'), blocked('b')], ['edge-block']],
    ['the only account that the edge blocks', 1, [blocked('a')], ['edge-block']],
    ['two blocked, and a success', 2, [blocked('a'), blocked('b'), served], []],
    ['one that fails and one that is blocked', 2, [failing('a'), blocked('b')], []],
    [
      'all at once, until a success',
      2,
      [failing('a'), failing('b'), blocked('a'), blocked('b'), unreachable(), served],
      [],
    ],
    [
      'all at once, with the one that masks the others first',
      2,
      [failing('a'), failing('b'), blocked('a'), blocked('b'), unreachable()],
      ['offline', 'edge-block', 'provider'],
    ],
  ])('after %s, with %i accounts', (_case, accounts, events, expected) => {
    expect(kinds(accounts, events)).toEqual(expected);
  });

  it('keep the time and the code of their first sign', () => {
    const offline = troublesIn(after(unreachable(7, 'ENOTFOUND'), unreachable(9, 'ECONNREFUSED')), 2);
    expect(offline).toEqual([{ kind: 'offline', since: 7, code: 'ENOTFOUND' }]);
    const provider = troublesIn(after(failing('a', 3), failing('a', 4), failing('b', 5)), 2);
    expect(provider).toEqual([{ kind: 'provider', since: 3, code: null }]);
    const both = after(pollFailing('a', 5), failing('b', 3), failing('a', 4));
    expect(troublesIn(both, 2)).toEqual([{ kind: 'provider', since: 3, code: null }]);
    const anew = after(failing('a', 3), failing('b', 4), served, failing('b', 8), failing('a', 9));
    expect(troublesIn(anew, 2)).toEqual([{ kind: 'provider', since: 8, code: null }]);
  });

  it('take bounded memory, and none while nothing is wrong', () => {
    expect(afterEvent(nothingWrong, served)).toBe(nothingWrong);
    expect(afterEvent(nothingWrong, answered)).toBe(nothingWrong);
    expect(afterEvent(nothingWrong, polled)).toBe(nothingWrong);
    const events = Array.from({ length: 1_000 }, (_, i) => `a${i}`).flatMap((id) => [
      failing(id),
      pollFailing(id),
      blocked(id),
    ]);
    const view = after(...events);
    expect(view.failing?.accounts.size).toBe(limits.upstreamTroubleAccounts);
    expect(view.failingPolls?.accounts.size).toBe(limits.upstreamTroubleAccounts);
    expect(view.blocked?.accounts.size).toBe(limits.upstreamTroubleAccounts);
  });
});

describe('the description of an upstream problem', () => {
  const since = Date.UTC(2026, 10, 22, 12);

  it.each([
    ['ENOTFOUND', /\(ENOTFOUND\).* DNS/],
    ['ECONNREFUSED', /\(ECONNREFUSED\).* VPN/],
    ['CERT_HAS_EXPIRED', /\(CERT_HAS_EXPIRED\).* its clock/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /CODEX_CA_CERTIFICATE/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /CODEX_CA_CERTIFICATE/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /CODEX_CA_CERTIFICATE/],
    ['EGRESS_LOGIN', /\(EGRESS_LOGIN\).* password in HTTPS_PROXY/],
    ['EGRESS_TLS', /\(EGRESS_TLS\).* scheme in HTTPS_PROXY/],
    ['EGRESS_TIMEOUT', /scheme in HTTPS_PROXY/],
    [null, /Z: check its network/],
  ])('names the remedy and the start of a network fault (%s) in one sentence', (code, pattern) => {
    const sentence = describeTrouble({ kind: 'offline', since, code });
    expect(sentence).toMatch(pattern);
    expect(sentence).toContain('since 2026-11-22T12:00:00.000Z');
    expect(sentence).toMatch(/^[^\n]+[^.]\.$/);
  });
});
