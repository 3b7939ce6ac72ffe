import { expect, it } from 'vitest';
import type { SessionView } from '../../api/session.js';
import { sessionWords, shortSession } from './session-words.js';

const session: SessionView = {
  session: 's',
  account: 'work',
  usedAt: 1,
  movedFrom: null,
  movesTo: null,
  project: null,
  model: null,
};

it.each([
  [{}, 'work'],
  [{ movedFrom: 'home' }, 'work, came from home'],
  [{ movedFrom: 'work' }, 'work'],
  [{ movedFrom: 'home', movesTo: 'spare' }, 'work, moves to spare at its next turn'],
  [{ movesTo: 'work' }, 'work'],
  [{ account: null }, 'an account that has left'],
])('a session with %j is on %s', (more, words) => {
  expect(sessionWords({ ...session, ...more })).toBe(words);
});

it('a hash is cut, a short one is not', () => {
  expect(shortSession('0123456789ab')).toBe('0123456789…');
  expect(shortSession('0123456789')).toBe('0123456789');
});
