import { describe, expect, it } from 'vitest';
import { credentialParameters, withoutCredentials } from './query.js';

describe('the query for upstream', () => {
  it.each([...credentialParameters])('lacks %s, wherever and however it is written', (name) => {
    const escaped = Array.from(Buffer.from(name), (it) => `%${it.toString(16)}`).join('');
    for (const spelling of [name, name.toUpperCase(), escaped, escaped.toUpperCase()]) {
      expect(withoutCredentials(`?${spelling}=secret`)).toBe('');
      expect(withoutCredentials(`?a=1&${spelling}=secret&b=2`)).toBe('?a=1&b=2');
      expect(withoutCredentials(`?${spelling}=1&a=1&${spelling}=2&${spelling}`)).toBe('?a=1');
      expect(withoutCredentials(`?a=1&${spelling}=x=y`)).toBe('?a=1');
    }
  });

  it.each([
    '',
    '?',
    '?client_version=0.169.0',
    '?keys=1&monkey=2&keyed=3&x-key=4&key%20=5&prompt_cache_key=6',
    '?a=key&b=api-key',
    '?a=key=1',
    '?&&a=%zz&%zz=1&=key&b=%2Bx+y&a=ü',
    '?limit=200&includeDownloadUrls=true',
  ])('is otherwise unchanged: %j', (query) => {
    expect(withoutCredentials(query)).toBe(query);
  });

  it('keeps odd pieces beside a credential as they are', () => {
    expect(withoutCredentials('?&a=%zz&key=1&&b')).toBe('?&a=%zz&&b');
  });
});
