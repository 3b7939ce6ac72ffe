import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Child } from '../../codex/support/child.js';
import { buildProgram } from '../../support/program/child-process.js';
import { aTurn } from '../../support/pool/pool.js';
import { call, turnWith } from '../../support/clients/raw-http.js';

/** The built demo in a separate process, with separate folders in which every trace would show. */
class Demo implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly child: Child,
  ) {}

  static async spawn(...args: readonly string[]): Promise<Demo> {
    const entry = join(dirname(await buildProgram()), 'demo', 'demo.js');
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-demo-test-'));
    for (const name of ['tmp', 'home']) await mkdir(join(folder, name));
    // The user's proxy settings do not apply to the demo; it could not start with these.
    await writeFile(join(folder, 'home', '.env'), 'PROXY_LISTEN_ADDR=of-the-file\n');
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: join(folder, 'home'),
      TMPDIR: join(folder, 'tmp'),
      PROXY_MAX_ATTEMPTS: 'of-the-environment',
      HTTP_PROXY: 'http://127.0.0.1:9',
      HTTPS_PROXY: 'http://127.0.0.1:9',
      NODE_USE_ENV_PROXY: '1',
      FORCE_COLOR: '1',
    };
    const child = new Child(process.execPath, [entry, ...args], { env, cwd: join(folder, 'home') });
    return new Demo(folder, child);
  }

  async untilTold(text: string): Promise<void> {
    await this.child.until(({ stdout }) => (stdout.includes(text) ? true : null), `"${text}"`);
  }

  /** Exit code and stderr. */
  async end() {
    return { ...(await this.child.ended), stderr: this.child.stderr };
  }

  /** Every file that it left behind. */
  async traces(): Promise<string[]> {
    const found = await readdir(this.folder, { recursive: true });
    return found.filter((it) => !['tmp', 'home', join('home', '.env')].includes(it));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The output that the README shows. */
async function shownInReadme(): Promise<string> {
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
  const [, block] = /^## See it work.*?^```\n(.*?)^```/ms.exec(readme) ?? [];
  if (block === undefined) throw new Error('the README shows no output of the demo');
  return block.replace(/^\[…\]$/m, '');
}

/** The lines that have words, without their numbers and columns. */
const shapesOf = (output: string): string[] =>
  output
    .split('\n')
    .map((it) => it.replaceAll(/\d+/g, 'N').replaceAll(/ +/g, ' ').trim())
    .filter((it) => it !== '');

const wellEnded = { code: 0, signal: null, stderr: '' };

/** Runs the whole demo and returns its output. */
async function shown(...args: readonly string[]): Promise<string> {
  await using demo = await Demo.spawn(...args);
  expect(await demo.end()).toEqual(wellEnded);
  expect(await demo.traces()).toEqual([]);
  return demo.child.stdout;
}

/** The error output of a demo that cannot start. */
async function refusal(code: number, ...args: readonly string[]): Promise<string> {
  await using demo = await Demo.spawn(...args);
  expect(await demo.child.ended).toEqual({ code, signal: null });
  expect(demo.child.stdout).toBe('');
  expect(await demo.traces()).toEqual([]);
  const { stderr } = demo.child;
  expect(stderr.trim().split('\n')).toHaveLength(1);
  return stderr;
}

async function aFreePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const port = portOf(holder);
  holder.close();
  await once(holder, 'close');
  return port;
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('it does not listen');
  return address.port;
}

describe('the demo', { timeout: 30_000 }, () => {
  it('shows how the pool works, from the first turn to the final state, and leaves no trace', async () => {
    await using demo = await Demo.spawn();
    expect(await demo.end()).toEqual(wellEnded);
    const { stdout } = demo.child;
    const story = [
      /^1\. The pool: 3 made-up accounts$/,
      /^ +home +plus +used 12 % of its 5 h quota, 8 % of its 7 d quota$/,
      /^2\. A turn: words are passed on as they arrive$/,
      /^ +Hello\. I am home, and each of these words was passed on as it arrived\.$/,
      /^ +HTTP 200, served by home, .+ first word after \d+ ms, last after \d+ ms$/,
      /^3\. home has reached its usage limit, and the session goes on$/,
      /^ +Nothing to see here: now you are talking to work\.$/,
      /^ +HTTP 200, served by work; behind the scenes, /,
      /^ +attempt 1: home +\(the account of this session\) +HTTP 429, at its limit$/,
      /^ +attempt 2: work .+ HTTP 200, served$/,
      /^4\. The session stays with work/,
      /^ +HTTP 200, served by work; a second session, at the same time: HTTP 200, served by spare$/,
      /^5\. work's token is about to expire: it is refreshed on the way$/,
      /^ +HTTP 200, served by work; its token was valid for 4\d s before, 10 d after$/,
      /^6\. The pool afterwards/,
      /^ +ACCOUNT +CAN SERVE +IN FLIGHT +5 h USED +7 d USED +TURNS +TOKENS IN \(CACHED\) +OUT$/,
      /^ +home +no: at its limit, back in 2 h +0 +100 % +8 % +1 +\d+ \(9000\) +\d+$/,
      /^ +spare +yes +0 +35 % +45 % +1 +\d+ \(9000\) +\d+$/,
      /^ +work +yes +0 +20 % +25 % +3 +\d+ \(27000\) +\d+$/,
      /The temporary folder is removed/,
    ];
    const lines = stdout.split('\n');
    let from = 0;
    for (const point of story) {
      const at = lines.findIndex((line, index) => index >= from && point.test(line));
      expect(at, `${point} in\n${stdout}`).not.toBe(-1);
      from = at + 1;
    }
    expect(shapesOf(stdout)).toEqual(expect.arrayContaining(shapesOf(await shownInReadme())));
    expect(stdout).not.toContain('\u001B'); // no terminal, no colours
    expect(await demo.traces()).toEqual([]);
  });

  it('prints the proxy’s log on stderr with --verbose, and never a token', async () => {
    await using demo = await Demo.spawn('--verbose');
    expect(await demo.child.ended).toEqual({ code: 0, signal: null });
    const { stdout, stderr } = demo.child;
    expect(stderr).toContain('account is unavailable');
    expect(stdout).not.toContain('account is unavailable');
    for (const text of [stdout, stderr]) expect(text).not.toMatch(/eyJ|rt_made-up|example\.test/);
  });

  it('stays up with --keep, fault included, until it is stopped, and leaves no trace', async () => {
    const port = await aFreePort();
    const origin = `http://127.0.0.1:${port}`;
    await using demo = await Demo.spawn('--keep', '--port', String(port), '--fault', 'overloaded');
    await demo.untilTold(`curl ${origin}/admin/accounts`);
    const { stdout } = demo.child;
    expect(stdout).toContain('Every turn of home fails');
    expect(stdout).toContain('   model_provider = "codex-pool"');
    expect(stdout).toContain(`   base_url = "${origin}/v1"`);
    expect(await demo.traces()).toContainEqual(expect.stringMatching(/codex.config\.toml$/));
    for (let turn = 0; turn < 2; turn += 1) {
      const response = await call(origin, turnWith(JSON.stringify(aTurn())));
      expect(response).toMatchObject({ status: 200, headers: { 'x-codex-pool-account': 'work' } });
      expect(String(response.body)).toContain('codex-pool');
    }
    demo.child.kill('SIGTERM');
    expect(await demo.end()).toEqual(wellEnded);
    await expect(call(origin, { path: '/healthz' })).rejects.toThrow('ECONNREFUSED');
    expect(await demo.traces()).toEqual([]);
  });

  it.each(['SIGINT', 'SIGHUP'] as const)('leaves no trace when %s ends it in the middle', async (signal) => {
    await using demo = await Demo.spawn('--fault', 'slow');
    await demo.untilTold('> and now?');
    demo.child.kill(signal);
    expect(await demo.end()).toEqual(wellEnded);
    expect(demo.child.stdout).not.toContain('4. ');
    expect(demo.child.stdout).toMatch(/Stopped\. .*\n$/);
    expect(await demo.traces()).toEqual([]);
  });
});

describe('a demo that cannot run says so in one sentence, exits with 1, and leaves no trace', () => {
  it('when an option is unknown', async () => {
    expect(await refusal(2, '--loud')).toContain('--loud');
  });

  it('when its port is in use', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const port = portOf(holder);
    expect(await refusal(1, '--keep', '--port', String(port))).toContain(`127.0.0.1:${port} is in use`);
    holder.close();
  });
});

it('lists its options with --help', async () => {
  expect(await shown('--help')).toContain('--keep');
});
