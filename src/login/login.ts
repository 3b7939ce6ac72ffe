import type { LoginState, LoginWait } from './login-state.js';

/** One login of an account; replaced as a whole when its state changes. Times are epoch ms. */
export interface Login {
  readonly id: string;
  readonly kind: LoginWait['kind'];
  /** Requested name of the account; null lets the pool choose one. */
  readonly name: string | null;
  readonly startedAt: number;
  readonly expiresAt: number;
  readonly state: LoginState;
}
