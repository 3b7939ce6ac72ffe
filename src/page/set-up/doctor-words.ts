import type { CheckResult, Finding } from '../../api/doctor.js';

/** A finding of a check, with the name of the check. */
export interface FoundBy {
  readonly check: string;
  readonly finding: Finding;
}

/** The findings of all checks: faults first, then notes, each in the order of the checks. */
export function findingsIn(checks: readonly CheckResult[]): FoundBy[] {
  const all = checks.flatMap(({ check, findings }) => findings.map((finding) => ({ check, finding })));
  const are = (level: Finding['level']) => all.filter((it) => it.finding.level === level);
  return [...are('finding'), ...are('note')];
}

/** Says what the checks have found, in one sentence. */
export function doctorSentence(checks: readonly CheckResult[]): string {
  const found = findingsIn(checks);
  const faults = found.filter((it) => it.finding.level === 'finding').length;
  const notes = found.length - faults;
  const made = counted(checks.length, 'check', 'checks');
  if (found.length === 0) return `Nothing found in ${made}.`;
  if (faults === 0) return `Nothing wrong in ${made}, ${counted(notes, 'note', 'notes')}.`;
  const noted = notes === 0 ? '' : `, and ${counted(notes, 'note', 'notes')}`;
  return `${counted(faults, 'finding', 'findings')} in ${made}${noted}.`;
}

/** Returns the command in a repair that is nothing but a command; null if it has other words. */
export function commandIn(repair: string): string | null {
  const isCommand = /^(?:codex-pool|npm|chmod|chown|codex|systemctl|loginctl)(?: [^\s,;:]+)*$/.test(repair);
  return isCommand && !repair.endsWith('.') ? repair : null;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
