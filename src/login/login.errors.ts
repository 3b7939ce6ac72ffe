import { PoolError } from '../runtime/pool-error.js';

/** As many logins as are remembered are open; one has to end before another begins. */
export class TooManyLoginsError extends PoolError {
  readonly code = 'too_many_logins';
  constructor() {
    super('Too many logins are open: finish or cancel one first.');
  }
}

/** The browser could not come back: other programs have the ports. */
export class NoCallbackPortError extends PoolError {
  readonly code = 'no_callback_port';
  constructor(ports: readonly number[], options: ErrorOptions) {
    super(
      `A login by browser needs port ${ports.join(' or ')} of 127.0.0.1, and none of them is free; perhaps a login of Codex has it. End that, or log in by device code.`,
      options,
    );
  }
}

/** The authorization server did not begin a device login. */
export class LoginNotBegunError extends PoolError {
  readonly code = 'login_not_begun';
}

/** What was handed in is no callback of this login, or comes at the wrong time. */
export class CallbackRefusedError extends PoolError {
  constructor(
    readonly code: 'unreadable_callback' | 'wrong_state' | 'not_waiting',
    message: string,
  ) {
    super(message);
  }
}
