import type { LoginState, LoginWait } from './login-state.js';

/** One login of an account; replaced as a whole when its state changes. Times are epoch ms. */
export interface Login {
  readonly id: string;
  readonly kind: LoginWait['kind'];
  /** What its account is to be called; null leaves it to the pool. */
  readonly name: string | null;
  readonly startedAt: number;
  readonly expiresAt: number;
  readonly state: LoginState;
}
