import { clock } from './times.js';

/** The facts of a problem of one account; `since` is epoch ms, null if unknown. */
interface AccountProblem {
  readonly name: string;
  readonly since: number | null;
}

/** What is wrong, what it means, and what helps: one sentence for each problem that a person can do something about. */
export const problemSentences = {
  needsLogin: ({ name, since }: AccountProblem, now: number) =>
    `${name} needs a login${since === null ? '' : `, refused ${clock(since, now)}`}: its turns go to other accounts.`,
  needsLoginSoon: ({ name }: AccountProblem) =>
    `${name} needs a login soon: its login can no longer be renewed, and serves until its token ends.`,
  deactivated: ({ name, since }: AccountProblem, now: number) =>
    `OpenAI has switched ${name} off${since === null ? '' : ` (seen ${clock(since, now)})`}: check the account, then log in again.`,
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
