import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { DoctorChecks } from '../../../src/admin/doctor/doctor-checks.js';
import { doctorSchema } from '../../../src/api/doctor.js';
import { Drain } from '../../../src/runtime/drain.js';
import { eventually } from '../../support/eventually.js';
import { TestPool } from '../../support/pool/pool.js';
import { buildProgram } from '../../support/program/child-process.js';

const report = { version: '1', node: '24', npm: null, platform: 'linux', arch: 'x64', checks: [] };

let cli: string;
let pool: TestPool;
beforeAll(async () => {
  cli = join(dirname(await buildProgram()), 'cli', 'cli.js');
}, 60_000);
beforeEach(async () => {
  pool = await TestPool.start();
});
afterEach(async () => {
  await pool[Symbol.asyncDispose]();
});

const checks = () => pool.running.app.get(DoctorChecks);

/** Runs this script instead of the command line. It notes each of its starts. */
async function script(text: string): Promise<void> {
  const head = "import { appendFileSync } from 'node:fs';\nappendFileSync('starts', process.pid + '\\n');\n";
  await writeFile(join(pool.folder, 'script.mjs'), head + text);
  checks().cli = join(pool.folder, 'script.mjs');
}

async function starts(): Promise<number[]> {
  const text = await readFile(join(pool.folder, 'starts'), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).map(Number);
}

function isAlive(pid: number): boolean {
  if (pid === 0) throw new Error('the checks were never made');
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function refusal(): Promise<[number, string]> {
  const { status, body } = await pool.client.get('/admin/doctor');
  return [status, body.code];
}

it('makes the checks of the command line: of this program, its pool, and the config of Codex', async () => {
  await mkdir(join(pool.folder, '.codex'));
  await writeFile(join(pool.folder, '.codex', 'config.toml'), 'openai_base_url = "http://127.0.0.1:9/v1"\n');
  checks().cli = cli;
  const { body, text } = await pool.client.get('/admin/doctor').expect(200);
  const { checks: made, checkedAt } = doctorSchema.parse(body);
  expect(Date.now() - checkedAt).toBeLessThan(60_000);
  const facts = new Map(made.map((it) => [it.check, it.fact]));
  expect(facts.get('Pool folder')).toMatch(/^2 usable of 2 files in /);
  const codes = made.flatMap((it) => it.findings).map((it) => it.code);
  expect(codes).toContain('config-other-address');
  // It has found the program itself, on the port that the system has chosen.
  expect(codes).not.toContain('proxy-dead');
  expect(text).toContain(`the proxy's address is ${pool.origin}.`);
  for (const name of ['a', 'b']) {
    for (const secret of pool.fakeUpstream.account(name).secrets()) expect(text).not.toContain(secret);
  }
  expect(text.replaceAll('@openai/codex', '')).not.toContain('@');
  expect(text).not.toContain(pool.folder);
});

it('takes exit code 1 as an answer: something was found', async () => {
  await script(`console.log(${JSON.stringify(JSON.stringify(report))}); process.exitCode = 1;`);
  const { body } = await pool.client.get('/admin/doctor').expect(200);
  expect(body).toEqual({ ...report, checkedAt: expect.any(Number) });
});

it('makes the checks once for requests at the same time, and anew for the next', async () => {
  await script(`console.log(${JSON.stringify(JSON.stringify(report))});`);
  const all = await Promise.all([1, 2, 3].map(() => pool.client.get('/admin/doctor').expect(200)));
  expect(new Set(all.map((it) => it.body.checkedAt)).size).toBe(1);
  expect(await starts()).toHaveLength(1);
  await pool.client.get('/admin/doctor').expect(200); // a repair is seen at once
  expect(await starts()).toHaveLength(2);
});

it.each([
  ['wrong use', 'process.exitCode = 2;'],
  ['an answer that is no report', "console.log('{}');"],
  ['no JSON', "console.log('all is well');"],
  ['too much', "console.log('x'.repeat(3_000_000));"],
])('says that the checks could not be made: %s', async (_, text) => {
  await script(text);
  const [status, code] = await refusal();
  expect(status).toBe(503);
  expect(code).toBe('checks_failed');
  // The next request tries again.
  await refusal();
  expect(await starts()).toHaveLength(2);
});

it('says so if the command line is missing', async () => {
  checks().cli = join(pool.folder, 'missing.js');
  expect(await refusal()).toEqual([503, 'checks_failed']);
});

it('ends checks that take too long', async () => {
  await script('setInterval(() => undefined, 1_000);');
  checks().limitMs = 4_000;
  expect(await refusal()).toEqual([503, 'checks_too_slow']);
  const [pid = 0] = await starts();
  await eventually(async () => (isAlive(pid) ? 'the checks still run' : null), 5_000);
});

it('ends the checks on a stop', async () => {
  await script('setInterval(() => undefined, 1_000);');
  const refused = refusal();
  await eventually(async () => ((await starts()).length === 1 ? null : 'the checks do not run'), 10_000);
  await pool.running.app.get(Drain).start(0);
  expect(await refused).toEqual([503, 'stopping']);
  const [pid = 0] = await starts();
  await eventually(async () => (isAlive(pid) ? 'the checks still run' : null), 5_000);
});
