import { PoolError } from '../runtime/pool-error.js';

/** The token endpoint said that the refresh token is no longer any good: a person must log in again. */
export class NeedsLoginError extends PoolError {
  readonly code = 'needs_login';
  constructor(
    readonly account: string,
    readonly reason: string,
  ) {
    super(`Account ${account} needs a new login: ${reason}`);
  }
}

/** No fresh token for now; the one we have has ended. Asking again later may help. */
export class RefreshFailedError extends PoolError {
  readonly code = 'refresh_failed';
  constructor(
    readonly account: string,
    readonly reason: string,
  ) {
    super(`The token of account ${account} could not be refreshed: ${reason}`);
  }
}

/** A credential file is not what it was when its tokens were read; it is left as it is. */
export class CredentialFileChangedError extends PoolError {
  readonly code = 'credential_file_changed';
  constructor(
    readonly account: string,
    readonly reason: string,
  ) {
    super(`${account}.json was not written: ${reason}`);
  }
}

/** Why an auth.json was not taken into the pool; a stable word for programs. */
export type ImportRefusal =
  | 'bad_name'
  | 'not_auth_json'
  | 'no_tokens'
  | 'api_key_only'
  | 'placeholder_login'
  | 'no_account'
  | 'contradictory_account'
  | 'no_refresh_token'
  | 'older_tokens'
  | 'spent_tokens'
  | 'name_taken'
  | 'pool_full';

/** An auth.json is not taken into the pool, and nothing was written. The message is for the operator and quotes nothing. */
export class ImportRefusedError extends PoolError {
  constructor(
    readonly code: ImportRefusal,
    detail: string,
  ) {
    super(detail);
  }
}
