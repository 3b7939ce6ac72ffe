import { madeUpTokens, type MadeUpIdentity, type MadeUpTokens } from './made-up-credentials.js';

/** One generation of an account's tokens. */
export interface TokenGeneration extends MadeUpTokens {
  readonly account: string;
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** The login that it descends from. */
  readonly family: number;
}

/** The verdict on a bearer token. */
export type BearerVerdict =
  | { readonly kind: 'good'; readonly account: string }
  | { readonly kind: 'expired'; readonly account: string }
  | { readonly kind: 'unknown' };

/** The outcome of presenting a refresh token. */
export type Redemption =
  | { readonly kind: 'granted'; readonly generation: TokenGeneration }
  | { readonly kind: 'reused'; readonly account: string }
  | { readonly kind: 'revoked'; readonly account: string }
  | { readonly kind: 'unknown' };

/**
 * All tokens that were issued. A refresh token works once. An access token works until it expires or is revoked; an
 * older generation keeps working, as it does upstream, unless `strict` is set.
 */
export class TokenLedger {
  strict = false;
  /** Whether the second use of a refresh token revokes its whole family: all tokens of that login, newer ones too. */
  revokesFamilies = true;
  readonly #current = new Map<string, TokenGeneration>();
  readonly #identities = new Map<string, MadeUpIdentity>();
  readonly #byAccessToken = new Map<string, TokenGeneration>();
  readonly #byRefreshToken = new Map<string, TokenGeneration>();
  readonly #refusedAccess = new Set<string>();
  readonly #spentRefresh = new Set<string>();
  readonly #revokedFamilies = new Set<number>();
  #families = 0;

  /** `now`: the clock for issue and expiry times, epoch ms. */
  constructor(private readonly now: () => number = Date.now) {}

  /** Logs an account in: issues tokens of a new family. Tokens issued before stay valid. */
  issue(account: string, identity: MadeUpIdentity, lifetimeSeconds: number): TokenGeneration {
    this.#families += 1;
    return this.#issueInto(this.#families, account, identity, lifetimeSeconds);
  }

  #issueInto(
    family: number,
    account: string,
    identity: MadeUpIdentity,
    lifetimeSeconds: number,
  ): TokenGeneration {
    const issuedAt = this.now();
    const expiresAt = issuedAt + lifetimeSeconds * 1_000;
    const tokens = madeUpTokens(identity, issuedAt, expiresAt);
    const generation = { account, issuedAt, expiresAt, family, ...tokens };
    this.#identities.set(account, identity);
    this.#current.set(account, generation);
    this.#byAccessToken.set(generation.accessToken, generation);
    this.#byRefreshToken.set(generation.refreshToken, generation);
    return generation;
  }

  current(account: string): TokenGeneration {
    const generation = this.#current.get(account);
    if (generation === undefined)
      throw new Error(`The fake upstream has issued no tokens to an account "${account}"`);
    return generation;
  }

  /** Every token ever issued to the account, newest last. */
  issuedTo(account: string): readonly TokenGeneration[] {
    return [...this.#byAccessToken.values()].filter((it) => it.account === account);
  }

  /** Revokes the account's current access token, whatever its expiry. */
  refuseCurrentAccess(account: string): void {
    this.#refusedAccess.add(this.current(account).accessToken);
  }

  judge(accessToken: string): BearerVerdict {
    const generation = this.#byAccessToken.get(accessToken);
    if (generation === undefined) return { kind: 'unknown' };
    const { account } = generation;
    const outdated = this.strict && this.#current.get(account) !== generation;
    const taken = this.#refusedAccess.has(accessToken) || this.#revokedFamilies.has(generation.family);
    const over = outdated || taken || generation.expiresAt <= this.now();
    return { kind: over ? 'expired' : 'good', account };
  }

  ownerOfRefreshToken(refreshToken: string): string | null {
    return this.#byRefreshToken.get(refreshToken)?.account ?? null;
  }

  /** Revokes a refresh token without issuing a new one, so that the account needs a login. */
  spend(refreshToken: string): void {
    this.#spentRefresh.add(refreshToken);
  }

  /** Redeems a refresh token: issues new tokens the first time, none after that. */
  redeem(refreshToken: string, lifetimeSeconds: number): Redemption {
    const spent = this.#byRefreshToken.get(refreshToken);
    const identity = spent === undefined ? undefined : this.#identities.get(spent.account);
    if (spent === undefined || identity === undefined) return { kind: 'unknown' };
    const { account, family } = spent;
    if (this.#spentRefresh.has(refreshToken)) {
      if (this.revokesFamilies) this.#revokedFamilies.add(family);
      return { kind: 'reused', account };
    }
    if (this.#revokedFamilies.has(family)) return { kind: 'revoked', account };
    this.spend(refreshToken);
    return { kind: 'granted', generation: this.#issueInto(family, account, identity, lifetimeSeconds) };
  }
}
