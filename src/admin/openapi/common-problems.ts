import type { FileTrouble } from '../../runtime/files/file-trouble.js';
import type { ProblemCodes } from './operation.js';

/** Codes of a disk that refuses. */
const fileTroubles = Object.keys({
  no_access: true,
  read_only: true,
  disk_full: true,
  not_a_folder: true,
  too_many_open_files: true,
  pool_unusable: true,
} satisfies Record<FileTrouble['code'], true>);

/** For routes that read or write the pool folder. */
export const folderProblems: ProblemCodes = { 503: fileTroubles };

/** For routes that read the database. */
export const databaseProblems: ProblemCodes = { 503: ['database_unavailable'] };

/** For routes with an account in their path. */
export const noAccount: ProblemCodes = { 400: ['bad_name'], 404: ['no_account'] };

/** For all routes of the operator that may have a body. */
const bodyProblems: ProblemCodes = { 400: ['bad_json'], 413: ['too_large'], 415: ['not_json'] };

/** Codes of the boundary; these are in the shape that Codex reads, because it runs before any routing. */
export const boundaryCodes: ProblemCodes = {
  400: ['missing_host'],
  403: ['forbidden_host', 'foreign_origin', 'cross_site'],
};

/** Returns whether `PROXY_ADMIN_TOKEN` guards this route. */
export function isGuarded(method: string, path: string): boolean {
  if (path === '/admin/session' && method === 'POST') return false;
  return path.startsWith('/admin/') || path === '/metrics';
}

/** Returns the codes that a route has besides its own. */
export function sharedProblems(method: string, path: string): ProblemCodes {
  return mergedProblems(
    { 500: ['internal_error'] },
    isGuarded(method, path) ? { 401: ['admin_token_required'], 429: ['too_many_tries'] } : {},
    path.includes('/accounts/{name}') ? noAccount : {},
    path.startsWith('/admin/') && (method === 'POST' || method === 'PATCH' || method === 'PUT')
      ? bodyProblems
      : {},
  );
}

export function mergedProblems(...all: readonly ProblemCodes[]): Record<number, string[]> {
  const merged: Record<number, string[]> = {};
  for (const [status, codes] of all.flatMap((it) => Object.entries(it)))
    merged[Number(status)] = [...new Set([...(merged[Number(status)] ?? []), ...codes])];
  return merged;
}
