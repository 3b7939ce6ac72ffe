import spawn from 'cross-spawn';
import type { DoctorReport } from '../../api/doctor.js';
import { VERSION } from '../../runtime/version.js';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';
import { codexConfigCheck, codexVersionCheck } from './codex-checks.js';
import { type Examined, examine } from './examined.js';
import { dataCheck, poolCheck } from './file-checks.js';
import type { CheckResult, Finding } from './finding.js';
import { authoritiesCheck, upstreamCheck } from './network-checks.js';
import { driverCheck, listenerCheck, nodeCheck, settingsCheck } from './program-checks.js';
import { serviceCheck } from './service-check.js';

const checks: readonly ((examined: Examined) => CheckResult | Promise<CheckResult>)[] = [
  nodeCheck,
  driverCheck,
  settingsCheck,
  listenerCheck,
  poolCheck,
  dataCheck,
  codexConfigCheck,
  codexVersionCheck,
  authoritiesCheck,
  upstreamCheck,
  serviceCheck,
];

/** Looks for what is wrong, and changes nothing. @throws CommandError with code 1 if there is a finding */
export async function doctor({ json }: { readonly json: boolean }, output: Output): Promise<void> {
  const examined = await examine(process.env);
  const results: CheckResult[] = [];
  for (const check of checks) results.push(await check(examined));
  const shown = results.map((it) => withoutPerson(it, examined));
  if (json) output.json({ ...environment(), checks: shown } satisfies DoctorReport);
  else print(shown, output);
  const count = shown.flatMap((it) => it.findings).filter((it) => it.level === 'finding').length;
  if (count > 0) throw new CommandError('', exitCodes.finding);
}

function print(results: readonly CheckResult[], output: Output): void {
  for (const { check, fact, findings } of results) {
    const isFine = !findings.some((it) => it.level === 'finding');
    const mark = isFine ? output.style('green', '●') : output.style('red', '▲');
    output.line(`${mark} ${output.style('bold', check)}  ${fact}`);
    for (const it of findings) printFinding(it, output);
  }
}

function printFinding({ level, problem, why, repair }: Finding, output: Output): void {
  output.line(`    ${level === 'finding' ? output.style('red', problem) : problem}`);
  output.line(`    ${why}`);
  output.line(`    → ${output.style('bold', repair)}`);
}

/** Facts for an issue; nothing of them names a person. */
function environment() {
  const npm = spawn.sync('npm', ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return {
    version: VERSION,
    node: process.versions.node,
    npm: npm.status === 0 ? npm.stdout.trim() : null,
    platform: process.platform,
    arch: process.arch,
  };
}

/** Replaces the home, which names its owner, by `~`. */
function withoutPerson(result: CheckResult, { home }: Examined): CheckResult {
  if (home === null || home === '/') return result;
  const hidden = (text: string) => text.replaceAll(home, '~');
  return {
    check: result.check,
    fact: hidden(result.fact),
    findings: result.findings.map((it) => ({
      ...it,
      problem: hidden(it.problem),
      why: hidden(it.why),
      repair: hidden(it.repair),
    })),
  };
}
