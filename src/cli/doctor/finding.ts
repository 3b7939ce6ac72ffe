/** What a check has found. */
export interface Finding {
  /** Stable, the same for the same fault. */
  readonly code: string;
  /** `finding`: something is wrong. `note`: good to know; the exit code does not count it. */
  readonly level: 'finding' | 'note';
  /** The fault, in one sentence. */
  readonly problem: string;
  readonly why: string;
  /** The command, or the step, that repairs it. */
  readonly repair: string;
}

/** A group of checks, and what it found; `fact` says in a few words what is there. */
export interface CheckResult {
  readonly check: string;
  readonly fact: string;
  readonly findings: readonly Finding[];
}

/** Returns a finding of level `finding`. */
export function fault(code: string, problem: string, why: string, repair: string): Finding {
  return { code, level: 'finding', problem, why, repair };
}

/** Returns a finding of level `note`. */
export function note(code: string, problem: string, why: string, repair: string): Finding {
  return { code, level: 'note', problem, why, repair };
}
