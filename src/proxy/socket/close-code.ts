/** RFC 6455 7.4: asks the other side to reconnect. */
export const SERVICE_RESTART = 1012;
export const INTERNAL_ERROR = 1011;
export const TOO_BIG = 1009;
/** RFC 6455 7.4.1: reported for a close frame without a code; never sent. */
export const NO_CODE = 1005;

/** Whether a socket was closed because of a message sent on it (1003, 1007, 1009): another socket would be, too. */
export function isAboutMessage(code: number): boolean {
  return code === 1003 || code === 1007 || code === TOO_BIG;
}

/**
 * The close code to forward; null for codes that only report how a connection was lost (1005, 1006, 1015) and must
 * not be sent.
 */
export function sendable(code: number): number | null {
  const isDefined = code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code);
  return isDefined || (code >= 3000 && code <= 4999) ? code : null;
}
