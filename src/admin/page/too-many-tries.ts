import { Problem } from '../problems/problem.js';

/** Returns the refusal of a client that must wait before its next token is compared. */
export function tooManyTries(waitSeconds: number): Problem {
  const detail = `Too many wrong tokens; the next try is possible in ${waitSeconds} s.`;
  return new Problem(429, 'too_many_tries', detail, { retryAfterSeconds: waitSeconds });
}
