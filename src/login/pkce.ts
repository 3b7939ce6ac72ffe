import { createHash, randomBytes } from 'node:crypto';
import { Secret } from '../runtime/secret.js';

/** 64 bytes give 86 characters, like Codex's verifier (docs/protocol.md, section on login). */
const VERIFIER_BYTES = 64;
const STATE_BYTES = 32;

/** A secret of which only the hash is sent until the code is exchanged (RFC 7636). */
export interface Pkce {
  readonly verifier: Secret;
  readonly challenge: string;
}

export function newPkce(): Pkce {
  const verifier = new Secret(randomBytes(VERIFIER_BYTES).toString('base64url'));
  return { verifier, challenge: challengeOf(verifier) };
}

/** Returns the `S256` challenge of a verifier: base64url of its SHA-256. */
export function challengeOf(verifier: Secret): string {
  return createHash('sha256').update(verifier.reveal(), 'ascii').digest('base64url');
}

/** Returns a random state, by which a callback is matched to its login. */
export function newState(): Secret {
  return new Secret(randomBytes(STATE_BYTES).toString('base64url'));
}
