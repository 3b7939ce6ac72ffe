import { PoolError } from '../runtime/pool-error.js';
import type { FileFault } from './credential-file/credential.js';
import type { LoginDoubt } from './credential-file/login-doubts.js';

/** The token endpoint has refused the refresh token for good: a person must log in again. */
export class NeedsLoginError extends PoolError {
  readonly code = 'needs_login';
  constructor(
    readonly account: string,
    readonly reason: string,
  ) {
    super(`Account ${account} needs a new login: ${reason}`);
  }
}

/** No fresh token is available now, and the current one has expired. A later attempt may succeed. */
export class RefreshFailedError extends PoolError {
  readonly code = 'refresh_failed';
  constructor(
    readonly account: string,
    readonly reason: string,
  ) {
    super(`The token of account ${account} could not be refreshed: ${reason}`);
  }
}

/** A credential file has changed since its tokens were read; it was not written. */
export class CredentialFileChangedError extends PoolError {
  readonly code = 'credential_file_changed';
  constructor(
    readonly account: string,
    readonly reason: string,
  ) {
    super(`${account}.json was not written: ${reason}`);
  }
}

/** Why an auth.json was not imported; a stable code for programs. */
export type ImportRefusal =
  | 'bad_name'
  | FileFault
  | LoginDoubt
  | 'older_tokens'
  | 'spent_tokens'
  | 'name_taken'
  | 'pool_full';

/** An auth.json was not imported, and nothing was written. The message is for the operator and quotes no secret. */
export class ImportRefusedError extends PoolError {
  constructor(
    readonly code: ImportRefusal,
    detail: string,
  ) {
    super(detail);
  }
}
