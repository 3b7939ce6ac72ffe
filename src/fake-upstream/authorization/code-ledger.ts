import { createHash, randomBytes } from 'node:crypto';

/** What a code was issued for. */
export interface CodeTerms {
  readonly account: string;
  /** The S256 challenge that the verifier has to fit. */
  readonly challenge: string;
  readonly redirectUri: string;
}

/** All authorization codes that were ever given out; each is good for one exchange, by whoever has its verifier. */
export class CodeLedger {
  /** How often a code was handed in that had been used before. A client that exchanges each once keeps this at 0. */
  reuses = 0;
  readonly #open = new Map<string, CodeTerms>();
  readonly #used = new Set<string>();

  issue(terms: CodeTerms): string {
    const code = `ac_made-up.${randomBytes(24).toString('base64url')}`;
    this.#open.set(code, terms);
    return code;
  }

  /** Every code that was ever given out. */
  issued(): readonly string[] {
    return [...this.#used, ...this.#open.keys()];
  }

  /** The account of a code; null for one that is unknown, used, or handed in on other terms. Used up either way. */
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

/** The challenge of a verifier that has the form RFC 7636 asks for; null for any other. */
export function challengeOf(verifier: string): string | null {
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return null;
  return createHash('sha256').update(verifier).digest('base64url');
}
