import { PoolError } from '../runtime/pool-error.js';

/** The number of open logins is at its limit; one must end before another begins. */
export class TooManyLoginsError extends PoolError {
  readonly code = 'too_many_logins';
  constructor() {
    super('Too many logins are open: finish or cancel one first.');
  }
}

/** No port is free for the browser's callback. */
export class NoCallbackPortError extends PoolError {
  readonly code = 'no_callback_port';
  constructor(ports: readonly number[], options: ErrorOptions) {
    super(
      `A login by browser needs port ${ports.join(' or ')} of 127.0.0.1, but none is free; a Codex login may be using it. End that login, or log in by device code.`,
      options,
    );
  }
}

/** The authorization server did not begin a device login. */
export class LoginNotBegunError extends PoolError {
  readonly code = 'login_not_begun';
}

/** The given address is not a callback of this login, or arrives at the wrong time. */
export class CallbackRefusedError extends PoolError {
  constructor(
    readonly code: 'unreadable_callback' | 'wrong_state' | 'not_waiting',
    message: string,
  ) {
    super(message);
  }
}
