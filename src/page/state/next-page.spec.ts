import { expect, it } from 'vitest';
import { nextPage } from './next-page.js';

it.each([
  ['</admin/requests?limit=2&cursor=abc>; rel="next"', '/admin/requests?limit=2&cursor=abc'],
  ['</admin/a>; rel="prev", </admin/b>; rel="next"', '/admin/b'],
  ['</admin/a>; rel="prev"', null],
  ['<https://example.com/a>; rel="next"', null],
  ['<//example.com/a>; rel="next"', null],
  ['', null],
])('the header %j names the page %s', (link, path) => {
  expect(nextPage(new Headers(link === '' ? {} : { link }))).toBe(path);
});

it('a response without headers has no next page', () => {
  expect(nextPage(null)).toBeNull();
});
