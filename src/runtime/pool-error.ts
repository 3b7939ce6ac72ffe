/** Base class of our errors, with a stable `code` for logs and responses. */
export abstract class PoolError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Describes anything thrown in one line: the message, and the code of a system error. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = errorCode(error);
  const message = error.message === '' ? error.name : error.message;
  return code === null || message.includes(code) ? message : `${message} (${code})`;
}

/** Returns the `code` of a system error (`ECONNREFUSED`, `ENOENT`, …), or null. */
export function errorCode(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}
