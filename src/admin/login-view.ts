import type { Login } from '../login/login.js';
import type { LoginState } from '../login/login-state.js';

/** A login as shown to the operator, with the data of its state and without secrets. Times are epoch ms. */
export function loginView({ id, kind, name, startedAt, expiresAt, state }: Login) {
  return { id, kind, name, startedAt, expiresAt, state: state.kind, ...dataOf(state) };
}

function dataOf(state: LoginState): object {
  switch (state.kind) {
    case 'waiting':
      if (state.wait.kind === 'browser') return {};
      return { verificationUrl: state.wait.verificationUrl, userCode: state.wait.userCode };
    case 'succeeded':
      return { account: state.account, result: state.result };
    case 'failed':
      return { code: state.code, message: state.message };
    case 'completing':
    case 'expired':
    case 'cancelled':
      return {};
    default:
      return state satisfies never;
  }
}
