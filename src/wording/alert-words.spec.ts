import { describe, expect, it } from 'vitest';
import { type AlertFacts, alertSentence } from './alert-words.js';

const now = new Date(2026, 5, 1, 14, 0).getTime();
const MINUTE = 60_000;

describe('alertSentence', () => {
  it.each<[AlertFacts, string]>([
    [
      { event: 'account-needs-login', account: 'work' },
      'work needs a login: its own was refused. Its turns go to other accounts.',
    ],
    [
      { event: 'account-deactivated', account: 'work' },
      'OpenAI has switched work off. Its turns go to other accounts.',
    ],
    [
      { event: 'pool-out', backAt: now + 38 * MINUTE },
      'The pool is out: no account can serve until 14:38 (in 38 min).',
    ],
    [
      { event: 'pool-out', backAt: null },
      'The pool is out: no account can serve, and none is known to be back by itself.',
    ],
    [{ event: 'pool-back', ready: 2, accounts: 3 }, 'The pool serves again: 2 of 3 ready.'],
    [
      { event: 'quota-low', durationSeconds: 18_000, leftRatio: 0.09, resetsAt: now + 160 * MINUTE },
      'The pool has 9 % of its 5 h quota left; most is back 16:40.',
    ],
    [
      { event: 'quota-low', durationSeconds: 604_800, leftRatio: 0, resetsAt: null },
      'The pool has 0 % of its 7 d quota left.',
    ],
  ])('says what %o is', (facts, sentence) => {
    expect(alertSentence(facts, now)).toBe(sentence);
  });
});
