import { expect, it } from 'vitest';
import { hrefWith, viewIn } from './address.js';

it.each([
  ['', 'now'],
  ['view=turns', 'turns'],
  ['view=set-up&x=1', 'set-up'],
  ['view=%3Cscript%3E', 'now'],
])('the query %j shows the view %s', (query, view) => {
  expect(viewIn(new URLSearchParams(query))).toBe(view);
});

it('a change keeps the other parameters, and null or empty text removes one', () => {
  const query = new URLSearchParams('view=turns&account=work&model=a');
  expect(hrefWith(query, { account: 'home', model: null })).toBe('/?view=turns&account=home');
  expect(hrefWith(query, { account: '', model: '' })).toBe('/?view=turns');
});

it('another view begins without the parameters of the old one', () => {
  const query = new URLSearchParams('view=turns&account=work');
  expect(hrefWith(query, { view: 'use', by: 'model' })).toBe('/?view=use&by=model');
  expect(hrefWith(query, { view: 'now' })).toBe('/');
});

it('odd names survive', () => {
  const href = hrefWith(new URLSearchParams(), { account: 'a&b=ü "<' });
  expect(new URL(href, 'http://x').searchParams.get('account')).toBe('a&b=ü "<');
});
