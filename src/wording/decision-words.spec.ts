import { describe, expect, it } from 'vitest';
import type { DecisionFacts } from './decision-words.js';
import {
  decisionWords,
  hasFailed,
  outcomeWords,
  passedOverWords,
  policyWords,
  unavailableSentence,
} from './decision-words.js';

function attempt(account: string, by: string, outcome = 'success') {
  return { account, by, startedAt: 0, outcome, status: 200, failedLate: null };
}

function aDecision(more: Partial<DecisionFacts>): DecisionFacts {
  return {
    candidates: [],
    attempts: [],
    account: null,
    movedFrom: null,
    firstRefusal: null,
    result: 'complete',
    ...more,
  };
}

const POLICY = 'most-quota-left';

describe('what decided', () => {
  it.each<[string, Partial<DecisionFacts>]>([
    ['first choice: most quota left', { attempts: [attempt('work', 'policy')] }],
    ['kept: session', { attempts: [attempt('work', 'affinity')] }],
    ['kept: only this account can continue it', { attempts: [attempt('work', 'pinned')] }],
    [
      'kept: session',
      { attempts: [attempt('work', 'affinity', 'unauthorized'), attempt('work', 'refresh')] },
    ],
    [
      'moved: home at its limit',
      { attempts: [attempt('home', 'affinity', 'quota-exhausted'), attempt('work', 'policy')] },
    ],
    [
      'moved: home paused',
      {
        attempts: [attempt('work', 'policy')],
        movedFrom: 'home',
        candidates: [{ account: 'home', passedOver: 'paused' }],
      },
    ],
    [
      'moved: home rate limited',
      { attempts: [attempt('work', 'policy')], movedFrom: 'home', firstRefusal: 'home: rate-limited' },
    ],
    ['moved: from home', { attempts: [attempt('work', 'policy')], movedFrom: 'home' }],
    [
      'moved: by the operator',
      { attempts: [attempt('work', 'operator')], account: 'work', movedFrom: 'home' },
    ],
    ['chosen by the operator', { attempts: [attempt('work', 'operator')] }],
    ['not decided yet', { result: 'running' }],
    ['answered by codex-pool', { result: 'local' }],
    ['no account was tried', { result: 'failed' }],
    [
      'no account: a at its limit, b needs a login, c full and 1 more',
      {
        result: 'failed',
        candidates: [
          { account: 'a', passedOver: 'quota-exhausted' },
          { account: 'b', passedOver: 'needs-login' },
          { account: 'c', passedOver: 'full' },
          { account: 'd', passedOver: 'paused' },
        ],
      },
    ],
  ])('%s', (words, facts) => {
    expect(decisionWords(aDecision(facts), POLICY)).toBe(words);
  });

  it('names no policy when it is unknown', () => {
    expect(decisionWords(aDecision({ attempts: [attempt('work', 'policy')] }), null)).toBe('first choice');
  });
});

it('a reason reads as a sentence, and shorter beside the name', () => {
  expect(unavailableSentence('home', 'quota-exhausted')).toBe('home is at its limit');
  expect(passedOverWords('quota-exhausted')).toBe('at its limit');
  expect(unavailableSentence('home', 'needs-login')).toBe('home needs a login');
  expect(passedOverWords('needs-login')).toBe('needs a login');
});

it('a refusal of the country is no fault of a server', () => {
  expect(outcomeWords('wrong-place')).toBe('not served in this country');
});

it('words that a newer program sends are shown as they are', () => {
  expect(outcomeWords('made-up-outcome')).toBe('made up outcome');
  expect(passedOverWords('constructor')).toBe('constructor');
  expect(policyWords('__proto__')).toBe('__proto__');
});

it.each([
  ['running', null, false],
  ['complete', 200, false],
  ['complete', 400, true],
  ['cut', 200, true],
  ['client gone', 499, false],
  ['failed', 503, true],
] as const)('a request that is %s with status %s: failed %s', (result, status, failed) => {
  expect(hasFailed({ result, status, attempts: [] })).toBe(failed);
});

it('a turn that upstream ends with a failure after its first output has failed', () => {
  const late = { ...attempt('work', 'policy'), failedLate: 'upstream-error' };
  expect(hasFailed({ result: 'complete', status: 200, attempts: [late] })).toBe(true);
});
