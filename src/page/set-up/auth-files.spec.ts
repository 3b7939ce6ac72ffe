import { describe, expect, it } from 'vitest';
import { accountName, readAuthFiles } from './auth-files.js';

const file = (name: string, text: string, size = text.length) => ({
  name,
  size,
  text: async () => Promise.resolve(text),
});

describe('dropped files', () => {
  it('are read one by one: a bad one does not stop the others', async () => {
    const read = await readAuthFiles([
      file('work.json', '{"tokens":{}}'),
      file('notes.txt', 'rt_made-up-secret'),
      file('list.json', '[]'),
      file('big.json', '{}', 2_000_000),
      file('auth.json', '{}'),
    ]);
    expect(read).toEqual([
      { kind: 'ready', file: 'work.json', item: { name: 'work', auth: { tokens: {} } } },
      { kind: 'refused', file: 'notes.txt', detail: 'Not valid JSON.' },
      { kind: 'refused', file: 'list.json', detail: 'Not an auth.json: no JSON object.' },
      { kind: 'refused', file: 'big.json', detail: 'Larger than 1 MB: not an auth.json.' },
      { kind: 'ready', file: 'auth.json', item: { name: null, auth: {} } },
    ]);
  });

  it('that cannot be read are reported', async () => {
    const unreadable = { name: 'a.json', size: 1, text: async () => Promise.reject(new Error('gone')) };
    expect(await readAuthFiles([unreadable])).toEqual([
      { kind: 'refused', file: 'a.json', detail: 'The file could not be read.' },
    ]);
  });

  it('are at most 100', async () => {
    const read = await readAuthFiles(Array.from({ length: 130 }, (_, index) => file(`${index}.json`, '{}')));
    expect(read).toHaveLength(101);
    expect(read.at(-1)).toMatchObject({ kind: 'refused', file: '30 more' });
  });
});

it.each([
  ['work.json', 'work'],
  ['my work.JSON', 'my work'],
  ['auth.json', null],
  ['auth (2).json', null],
  ['author.json', 'author'],
  ['.json', null],
])('the file %s becomes the account %s', (name, account) => {
  expect(accountName(name)).toBe(account);
});
