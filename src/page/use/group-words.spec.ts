import { expect, it } from 'vitest';
import { costWords, groupName } from './group-words.js';

it('a group has a name for people, whatever the client named', () => {
  expect(groupName({ key: 'id', name: 'work' }, 'account')).toBe('work');
  expect(groupName({ key: 'id', name: null }, 'account')).toBe('an account that has left');
  expect(groupName({ key: '', name: null }, 'front-end')).toBe('no front end named');
  expect(groupName({ key: '0123456789abcdef', name: null }, 'session')).toBe('0123456789…');
  expect(groupName({ key: 'gpt-5.5', name: null }, 'model')).toBe('gpt-5.5');
});

it.each([
  [0, '$0.00'],
  [0.004, 'under $0.01'],
  [12.5, '$12.50'],
  [1_240.4, '$1,240'],
])('a price of %d is %s', (dollars, words) => {
  expect(costWords(dollars)).toBe(words);
});
