import type { Finding } from '../../api/doctor.js';

export type { CheckResult, Finding } from '../../api/doctor.js';

/** Returns a finding of level `finding`. */
export function fault(code: string, problem: string, why: string, repair: string): Finding {
  return { code, level: 'finding', problem, why, repair };
}

/** Returns a finding of level `note`. */
export function note(code: string, problem: string, why: string, repair: string): Finding {
  return { code, level: 'note', problem, why, repair };
}
