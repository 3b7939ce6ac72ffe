import { describe, expect, it } from 'vitest';
import { queryOfPasted, readCallback } from './callback.js';

const read = (query: string) => readCallback(new URLSearchParams(query));

describe('a callback', () => {
  it('brings a code and a state, which do not print', () => {
    const callback = read('code=made-up-code&state=made-up-state&scope=openid');
    expect(callback.kind).toBe('code');
    expect(JSON.stringify(callback)).not.toContain('made-up');
  });

  it.each([
    ['error=access_denied&state=s', true],
    ['error=server_error&error_description=x&state=s', false],
  ])('recognizes a refusal: %s', (query, isDenied) => {
    expect(read(query)).toMatchObject({ kind: 'refused', isDenied });
  });

  it.each([
    '',
    'code=c',
    'state=s',
    'code=&state=s',
    'code=c&state=',
    'code=c&state=s&state=s',
    'code=c&code=d&state=s',
    'code=c&error=e&state=s',
  ])('cannot be read: "%s"', (query) => expect(read(query)).toEqual({ kind: 'unreadable' }));
});

describe('a pasted callback address', () => {
  it.each([
    'http://127.0.0.1:1455/auth/callback?code=c&state=s',
    '  http://localhost:1457/auth/callback?code=c&state=s\n',
  ])('is accepted: %j', (text) => expect(queryOfPasted(text)?.get('code')).toBe('c'));

  it.each([
    '',
    'code=c&state=s',
    '/auth/callback?code=c',
    'http://127.0.0.1:1455/?code=c',
    'javascript:alert(1)',
    'https://auth.openai.com/oauth/authorize?state=s',
  ])('is rejected: %j', (text) => expect(queryOfPasted(text)).toBeNull());
});
