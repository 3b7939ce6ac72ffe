/** Exit codes of every command. */
export const exitCodes = {
  fine: 0,
  /** Something was found or refused: the output says what helps. */
  finding: 1,
  wrongUse: 2,
  notReachable: 3,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
