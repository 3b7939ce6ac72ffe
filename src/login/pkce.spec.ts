import { describe, expect, it } from 'vitest';
import { Secret } from '../runtime/secret.js';
import { challengeOf, newPkce, newState } from './pkce.js';

describe('PKCE', () => {
  it('makes the challenge of RFC 7636, appendix B', () => {
    const verifier = new Secret('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk');
    expect(challengeOf(verifier)).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
  });

  it('makes a new verifier of 86 characters each time, and the challenge that belongs to it', () => {
    const [one, other] = [newPkce(), newPkce()];
    expect(one.verifier.reveal()).toMatch(/^[\w-]{86}$/);
    expect(one.challenge).toBe(challengeOf(one.verifier));
    expect(one.verifier.equals(other.verifier)).toBe(false);
  });

  it('makes a new state of 43 characters each time', () => {
    expect(newState().reveal()).toMatch(/^[\w-]{43}$/);
    expect(newState().equals(newState())).toBe(false);
  });
});
