import type { SessionView } from '../../api/session.js';

/** Returns where a session is, and where it goes: `work`, `work, came from home`, `work, moves to spare at its next turn`. */
export function sessionWords({ account, movedFrom, movesTo }: SessionView): string {
  const here = account ?? 'an account that has left';
  if (movesTo !== null && movesTo !== account) return `${here}, moves to ${movesTo} at its next turn`;
  return movedFrom === null || movedFrom === account ? here : `${here}, came from ${movedFrom}`;
}

/** Returns the first characters of a session's hash, enough to tell sessions apart. */
export function shortSession(session: string): string {
  return session.length > 10 ? `${session.slice(0, 10)}…` : session;
}
