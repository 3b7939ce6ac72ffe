import { clock } from './times.js';

/**
 * One sentence for each problem that a person can do something about: what is wrong, what it means, and what helps. The
 * time since when is not in it: the summary has it beside.
 */
export const problemSentences = {
  needsLogin: (name: string) => `${name} needs a login: its turns go to other accounts.`,
  needsLoginSoon: (name: string) =>
    `${name} needs a login soon: its login can no longer be renewed, and serves until its token ends.`,
  deactivated: (name: string) => `OpenAI has switched ${name} off: check the account, then log in again.`,
  tokenNotRenewed: (name: string, until: number | null, now: number) =>
    `The token of ${name} cannot be renewed${until === null ? '' : `; next try ${clock(until, now)}`}.`,
  brokenFile: (name: string, cause: string) => `${name}.json is not usable: ${cause}.`,
  tokensNotStored: (name: string, cause: string) => `The newest tokens of ${name} are not stored: ${cause}`,
  paused: (name: string) => `${name} is paused, and no other account can serve: resume it.`,
  emptyPool: 'The pool has no account: add one.',
  noTurnYet: 'No turn has come yet: point Codex at this address.',
  databaseOff: (cause: string) => `Usage is not recorded, and changes end with the program: ${cause}.`,
  more: (count: number) => `${count} more problems are not listed.`,
} as const;
