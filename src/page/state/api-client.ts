import type { Problem } from '../../api/shared-shapes.js';
import { fromJson } from './json.js';

/** A response of the admin API, or the problem that came instead. */
export type Reply<T> =
  | { readonly ok: true; readonly value: T; readonly headers: Headers }
  | { readonly ok: false; readonly problem: Problem };

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/**
 * Calls the admin API of this origin. `T` is the shape in `src/api` for this route; it is not checked, as program and
 * page are of one build. Problems are values: also `not_reachable` (the program did not respond) and `bad_response`.
 * After a 401 the page loads anew and shows the token form.
 */
export async function call<T>(path: string, { method = 'GET', body, signal }: Call = {}): Promise<Reply<T>> {
  try {
    const response = await fetch(path, {
      method,
      headers: { accept: 'application/json', ...(body === undefined ? {} : JSON_BODY) },
      cache: 'no-store',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.status === 401) signInAgain();
    return await replyOf<T>(response);
  } catch (error) {
    if (signal?.aborted === true) return failed(0, 'aborted', 'The page no longer needs this.');
    const cause = error instanceof Error ? error.message : String(error);
    return failed(0, 'not_reachable', `codex-pool does not respond (${cause}).`);
  }
}

async function replyOf<T>(response: Response): Promise<Reply<T>> {
  const { ok, status, headers } = response;
  const text = await response.text();
  try {
    // 204 has no body.
    if (ok) return { ok, value: fromJson<T>(text === '' ? 'null' : text), headers };
    const value = fromJson<unknown>(text);
    if (isProblem(value)) return { ok, problem: value };
  } catch {
    // Not JSON: the page of a reverse proxy in front, for example.
  }
  return failed(status, 'bad_response', `The response (HTTP ${status}) is not one of codex-pool.`);
}

/** Returns a problem of the page's own. */
export function failed(status: number, code: string, detail: string): { ok: false; problem: Problem } {
  return { ok: false, problem: { type: 'about:blank', title: code, status, code, detail } };
}

const JSON_BODY = { 'content-type': 'application/json' };
const RELOADED = 'codex-pool-reloaded-at';

function isProblem(value: unknown): value is Problem {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    'detail' in value &&
    typeof value.detail === 'string'
  );
}

/** Loads the page anew, which brings the token form; at most once in 10 s, should the page itself need no token. */
function signInAgain(): void {
  if (Date.now() - Number(sessionStorage.getItem(RELOADED) ?? 0) < 10_000) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.reload();
}
