import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Secret } from './secret.js';

describe('a secret', () => {
  const secret = new Secret('canary-in-a-secret');

  it.each([
    ['a template', `it is ${String(secret)}`],
    ['concatenation', 'x' + String(secret)],
    ['JSON', JSON.stringify({ secret })],
    ['inspection', inspect({ secret }, { depth: null, showHidden: true })],
    ['object entries', JSON.stringify(Object.entries(secret))],
  ])('does not show through %s', (_way, printed) => {
    expect(printed).not.toContain('canary');
  });

  it('is revealed only on request', () => {
    expect(secret.reveal()).toBe('canary-in-a-secret');
  });

  it('compares by value', () => {
    expect(secret.equals('canary-in-a-secret')).toBe(true);
    expect(secret.equals(new Secret('another'))).toBe(false);
  });
});
