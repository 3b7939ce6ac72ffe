/** RFC 6455 7.4: the other side is told to come again. */
export const SERVICE_RESTART = 1012;
export const INTERNAL_ERROR = 1011;
export const TOO_BIG = 1009;

/**
 * A close code as it may be sent on: those that only tell how a connection was lost (1005, 1006, 1015) may not.
 * Null for them.
 */
export function sendable(code: number): number | null {
  const isDefined = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
  return isDefined || (code >= 3000 && code <= 4999) ? code : null;
}
