import { createHash, randomBytes } from 'node:crypto';

/** The terms under which a code was issued. */
export interface CodeTerms {
  readonly account: string;
  /** The S256 challenge that the verifier must match. */
  readonly challenge: string;
  readonly redirectUri: string;
}

/** All authorization codes that were issued. Each works for one exchange, with the matching verifier. */
export class CodeLedger {
  /** How often a used code was sent again. A client that exchanges each code once keeps this at 0. */
  reuses = 0;
  readonly #open = new Map<string, CodeTerms>();
  readonly #used = new Set<string>();

  issue(terms: CodeTerms): string {
    const code = `ac_made-up.${randomBytes(24).toString('base64url')}`;
    this.#open.set(code, terms);
    return code;
  }

  /** Every code that was issued. */
  issued(): readonly string[] {
    return [...this.#used, ...this.#open.keys()];
  }

  /** Returns the account of a code; null if it is unknown, used, or presented with other terms. Uses the code up in any case. */
  redeem(code: string, verifier: string, redirectUri: string): string | null {
    if (this.#used.has(code)) this.reuses += 1;
    const terms = this.#open.get(code);
    if (terms === undefined) return null;
    this.#open.delete(code);
    this.#used.add(code);
    const fits = challengeOf(verifier) === terms.challenge && redirectUri === terms.redirectUri;
    return fits ? terms.account : null;
  }
}

/** The S256 challenge of a verifier (RFC 7636, 4.1 and 4.2); null if the verifier is malformed. */
export function challengeOf(verifier: string): string | null {
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return null;
  return createHash('sha256').update(verifier).digest('base64url');
}
