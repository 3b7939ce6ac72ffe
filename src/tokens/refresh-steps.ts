/**
 * The steps of a refresh, in their order. A process may die after any of them: what a new process then finds, and
 * does, stands in ARCHITECTURE.md.
 */
export const refreshSteps = [
  /** No other process renews this account now. */
  'locked',
  /** The file was read again: there is nothing newer in it. */
  'read-again',
  /** The journal says that the refresh token is about to be used. */
  'announced',
  /** The token endpoint has answered. */
  'answered',
  /** The journal holds the new tokens, on disk. */
  'journaled',
  /** The file holds them. */
  'written',
  /** Requests get them. */
  'in-memory',
  /** The journal is empty again. */
  'journal-cleared',
] as const;

export type RefreshStep = (typeof refreshSteps)[number];

/** Told of every step as it is done, at once and before the next one begins. */
export type RefreshStepWatcher = (step: RefreshStep, account: string) => void;

export const REFRESH_STEP_WATCHER = Symbol('RefreshStepWatcher');
