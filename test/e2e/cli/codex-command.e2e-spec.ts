import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, it, vi } from 'vitest';
import { buildProgram, Program } from '../../support/program/child-process.js';
import { CommandHome, endOf } from '../../support/program/command-home.js';

// Each command is a process of its own; the build may take a while on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 180_000 });
beforeAll(async () => void (await buildProgram()));

/** Takes the place of Codex: prints its arguments, then ends or waits as they say. */
const standIn = `#!${process.execPath}
const args = process.argv.slice(2);
const at = args.indexOf('--then');
const then = at === -1 ? '' : args[at + 1];
const isWaiting = then === 'wait';
if (isWaiting) {
  process.on('SIGINT', () => { console.log('got SIGINT'); if (!process.stdin.isTTY) process.exit(9); });
  process.on('SIGTERM', () => { console.log('got SIGTERM'); process.exit(9); });
  process.stdin.on('data', () => process.exit(9));
}
console.log(JSON.stringify(args));
if (isWaiting) setInterval(() => {}, 1000);
else if (then.startsWith('SIG')) process.kill(process.pid, then);
else process.exitCode = Number(then);
`;

/** A home with a codex in the PATH, and the settings of a running proxy. */
async function prepared(program: Program) {
  const home = await CommandHome.create('model = "gpt"\n');
  const bin = join(home.folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'codex'), standIn);
  await chmod(join(bin, 'codex'), 0o755);
  const origin = await program.origin();
  const env = { PATH: `${bin}:/usr/bin:/bin`, PROXY_LISTEN_ADDR: new URL(origin).host };
  return { home, origin, env };
}

it('runs Codex with overrides and its own arguments as they are, and passes its end on', async () => {
  await using program = await Program.spawn();
  const { home, origin, env } = await prepared(program);
  await using _home = home;
  const before = await home.tree();
  const overrides = [
    'model_provider="openai"',
    `openai_base_url="${origin}/v1"`,
    `chatgpt_base_url="${origin}/backend-api"`,
  ];
  for (const args of [
    [],
    ['--help'],
    ['-V', '--dry-run', '--yes'],
    ['exec', '--', '-x', '--', 'a  b', '', '"\'$HOME'],
    ['--', 'codex'],
  ]) {
    const end = await home.run(['codex', ...args], env);
    expect(end).toMatchObject({ code: 0, stderr: expect.stringContaining('none of its accounts can serve') });
    expect(JSON.parse(end.stdout)).toEqual([...overrides.flatMap((it) => ['-c', it]), ...args]);
  }
  expect(await home.run(['codex', '--then', '7'], env)).toMatchObject({ code: 7 });
  for (const signal of ['SIGKILL', 'SIGTERM', 'SIGSEGV']) {
    expect(await home.run(['codex', '--then', signal], env)).toMatchObject({ code: null, signal });
  }
  expect(await home.tree()).toEqual(before);
});

it.each(['SIGTERM', 'SIGINT'] as const)('passes %s on, and waits for the end of Codex', async (signal) => {
  await using program = await Program.spawn();
  const { home, env } = await prepared(program);
  await using _home = home;
  const child = home.start(['codex', '--then', 'wait'], env);
  await child.until((it) => (it.stdout.includes('wait') ? true : null), 'Codex to run');
  child.killOnly(signal);
  expect(await endOf(child)).toMatchObject({ code: 9, stdout: expect.stringContaining(`got ${signal}\n`) });
});

it('leaves Ctrl-C on a terminal to Codex, which gets it once', async () => {
  await using program = await Program.spawn();
  const { home, env } = await prepared(program);
  await using _home = home;
  const child = home.startOnTerminal(['codex', '--then', 'wait'], env);
  await child.until((it) => (it.stdout.includes('wait') ? true : null), 'Codex to run');
  for (let times = 1; times <= 3; times += 1) {
    child.write('\u0003');
    await child.until((it) => (it.stdout.split('got SIGINT').length > times ? true : null), 'the signal');
  }
  child.write('\n');
  const end = await endOf(child);
  expect([end.code, end.stdout.match(/got SIGINT/g)]).toEqual([
    9,
    ['got SIGINT', 'got SIGINT', 'got SIGINT'],
  ]);
});

it('says how to install Codex if it is missing, and how to work if the proxy is dead', async () => {
  await using program = await Program.spawn();
  const { home, env } = await prepared(program);
  await using _home = home;
  expect(await home.run(['codex'], { ...env, PATH: '/nowhere' })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('npm install -g @openai/codex'),
  });
  await program.child.stop();
  const dead = await home.run(['codex', '--help'], env);
  expect(dead).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('codex-pool undo') });
});
