import { createHash, randomBytes } from 'node:crypto';
import { Secret } from '../runtime/secret.js';

/** 64 bytes make 86 characters, as Codex has them (docs/protocol.md, section on login). */
const VERIFIER_BYTES = 64;
const STATE_BYTES = 32;

/** A secret that is shown only as its hash until the code is exchanged (RFC 7636). */
export interface Pkce {
  readonly verifier: Secret;
  readonly challenge: string;
}

export function newPkce(): Pkce {
  const verifier = new Secret(randomBytes(VERIFIER_BYTES).toString('base64url'));
  return { verifier, challenge: challengeOf(verifier) };
}

/** The `S256` challenge of a verifier: base64url of its SHA-256. */
export function challengeOf(verifier: Secret): string {
  return createHash('sha256').update(verifier.reveal(), 'ascii').digest('base64url');
}

/** What a callback has to know, so that nobody else's is taken for ours. */
export function newState(): Secret {
  return new Secret(randomBytes(STATE_BYTES).toString('base64url'));
}
