import {
  CallbackRefusedError,
  LoginNotBegunError,
  NoCallbackPortError,
  TooManyLoginsError,
} from '../../login/login.errors.js';
import { ImportRefusedError } from '../../tokens/tokens.errors.js';
import { Problem } from './problem.js';

/** Throws the problem that matches a login error, and any other error unchanged. */
export function throwLoginProblem(error: unknown): never {
  if (error instanceof ImportRefusedError) throw new Problem(400, error.code, error.message);
  if (error instanceof NoCallbackPortError) throw new Problem(409, error.code, error.message);
  if (error instanceof TooManyLoginsError) throw new Problem(429, error.code, error.message);
  if (error instanceof LoginNotBegunError) throw new Problem(502, error.code, error.message);
  if (error instanceof CallbackRefusedError)
    throw new Problem(error.code === 'not_waiting' ? 409 : 400, error.code, error.message);
  throw error;
}
