import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { buildProgram } from '../../support/program/child-process.js';
import { CommandHome } from '../../support/program/command-home.js';

/** An address that is free, and one of a server that was closed. */
const FREE = '127.0.0.1:1';
const DEAD = 'http://127.0.0.1:9';

let home: CommandHome;
let upstream: FakeUpstream;
const servers: Server[] = [];

beforeAll(async () => {
  await buildProgram();
}, 60_000);
beforeEach(async () => {
  home = await CommandHome.create(null);
  upstream = await FakeUpstream.start({ accounts: ['a', 'b'] });
  // A good machine: one login, private folders, Codex there and not pointed anywhere.
  await mkdir(join(home.folder, 'pool'), { mode: 0o700 });
  await mkdir(join(home.folder, 'data'), { mode: 0o700 });
  await mkdir(home.codexFolder);
  await mkdir(join(home.folder, 'bin'));
  await addLogin('a');
  await addCodex('0.169.0');
});
afterEach(async () => {
  for (const it of servers.splice(0)) it.close();
  await home[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

async function addLogin(name: string, place = join(home.folder, 'pool', `${name}.json`)): Promise<void> {
  await writeFile(place, JSON.stringify(upstream.account(name).authJson()), { mode: 0o600 });
}

async function addCodex(version: string): Promise<void> {
  await writeFile(join(home.folder, 'bin', 'codex'), `#!/bin/sh\necho codex-cli ${version}\n`, {
    mode: 0o755,
  });
}

async function config(text: string): Promise<void> {
  await writeFile(home.config, text);
}

/** Answers everything with this text; returns host and port. */
async function serve(text: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const server = createServer((_req, res) => {
    for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
    res.end(text);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

interface Report {
  readonly checks: readonly {
    readonly findings: readonly { readonly code: string; readonly level: string; readonly repair: string }[];
  }[];
}

/** Runs doctor; returns its exit code, and the codes of its findings. */
async function examine(env: Readonly<Record<string, string>> = {}) {
  const end = await home.run(['doctor', '--json'], {
    PATH: `${join(home.folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    PROXY_LISTEN_ADDR: FREE,
    ...upstream.env,
    ...env,
  });
  const report: Report = JSON.parse(end.stdout);
  const all = report.checks.flatMap((it) => it.findings);
  return {
    code: end.code,
    text: end.stdout + end.stderr,
    found: all.filter((it) => it.level === 'finding').map((it) => it.code),
    all,
  };
}

describe('codex-pool doctor', () => {
  it('finds nothing on a good machine', async () => {
    const { code, found, all } = await examine();
    expect(found).toEqual([]);
    expect(all.map((it) => it.code)).toEqual(['config-not-set-up']); // a note
    expect(code).toBe(0);
  });

  type Plant = () => Promise<Readonly<Record<string, string>> | undefined | void>;
  /** Machines with one fault, or with several that do not touch each other; each costs one run. */
  const machines: readonly Readonly<Record<string, Plant>>[] = [
    { 'setting-invalid': async () => ({ PROXY_MAX_ATTEMPTS: 'many' }) },
    {
      'setting-invalid': async () => writeFile(join(home.folder, '.env'), 'NODE_TLS_REJECT_UNAUTHORIZED=0\n'),
    },
    {
      'address-taken': async () => ({ PROXY_LISTEN_ADDR: await serve('hello') }),
      'pool-open': async () => chmod(join(home.folder, 'pool'), 0o755),
      'data-open': async () => chmod(join(home.folder, 'data'), 0o755),
      'file-not-usable': async () =>
        writeFile(join(home.folder, 'pool', 'x.json'), 'nonsense', { mode: 0o600 }),
      'file-open': async () => chmod(join(home.folder, 'pool', 'a.json'), 0o644),
      'config-not-readable': async () => config('model = "unfinished\n'),
      'codex-old': async () => addCodex('0.98.1'),
    },
    {
      'data-no-folder': async () => {
        await rm(join(home.folder, 'data'), { recursive: true });
        await writeFile(join(home.folder, 'data'), '');
      },
      'pool-empty': async () => rm(join(home.folder, 'pool', 'a.json')),
      'config-other-address': async () => config('openai_base_url = "http://127.0.0.1:2/v1"\n'),
    },
    {
      'authority-not-usable': async () => {
        await writeFile(join(home.folder, 'ca.pem'), 'no certificate');
        return { CODEX_CA_CERTIFICATE: join(home.folder, 'ca.pem') };
      },
      'setting-invalid': async () => undefined, // it names the same file
    },
    {
      'journal-pending': async () => {
        await mkdir(join(home.folder, 'pool', '.journal'));
        await writeFile(join(home.folder, 'pool', '.journal', 'a'), 'head {"unsaved":{"at":1}}');
      },
      'login-shared': async () => addLogin('a', home.login),
      'proxy-dead': async () => config(`openai_base_url = "http://${FREE}/v1"\n`),
      'upstream-unreachable': async () => ({ UPSTREAM_REFRESH_BASE: DEAD }),
    },
    {
      'config-key-in-table': async () =>
        config('profile = "work"\n[tui]\nopenai_base_url = "http://127.0.0.1:1/v1"\n'),
      'config-profile-key': async () => undefined, // the same file
      'clock-wrong': async () => {
        const place = await serve('', { date: new Date(Date.now() - 3_600_000).toUTCString() });
        return { UPSTREAM_RESPONSES_BASE: `http://${place}`, UPSTREAM_REFRESH_BASE: `http://${place}` };
      },
    },
    {
      'config-bypass': async () =>
        config(
          'model_provider = "x"\n[model_providers.x]\nname = "OpenAI"\nbase_url = "http://127.0.0.1:1/backend-api/codex"\n',
        ),
      'proxy-dead': async () => undefined, // nothing listens at that address
      'service-path-gone': async () => {
        const units = join(home.folder, '.config', 'systemd', 'user');
        await mkdir(units, { recursive: true });
        await writeFile(join(units, 'codex-pool.service'), 'ExecStart="/gone/node" "/gone/cli.js" "start"\n');
      },
    },
  ];

  it.each(machines.map((it) => [Object.keys(it).join(', '), it] as const))(
    'finds %s, and nothing else, and says what repairs it',
    async (_wanted, plants) => {
      const env: Record<string, string> = {};
      for (const plant of Object.values(plants)) Object.assign(env, await plant());
      const { code, found, all } = await examine(env);
      expect(found.toSorted()).toEqual(Object.keys(plants).toSorted());
      expect(all.every((it) => it.repair !== '')).toBe(true);
      expect(code).toBe(1);
    },
  );

  it('takes a link to the login of Codex for one owner', async () => {
    await addLogin('a', home.login);
    await rm(join(home.folder, 'pool', 'a.json'));
    await symlink(home.login, join(home.folder, 'pool', 'a.json'));
    expect((await examine()).found).toEqual([]);
  });

  it('names neither the home nor a token', async () => {
    await chmod(join(home.folder, 'pool'), 0o755);
    await addLogin('a', home.login);
    const { text } = await examine();
    const { tokens } = upstream.account('a').authJson();
    expect(text).not.toContain(home.folder);
    expect(text).not.toContain(tokens.access_token);
    expect(text).not.toMatch(/[\w.]+@[\w.]+/);
  });

  it('works without a home, and prints each finding with its repair', async () => {
    const end = await home.run(['doctor'], { HOME: undefined, PROXY_LISTEN_ADDR: FREE, ...upstream.env });
    expect(end.stdout).toMatch(/^▲ Codex's config/m);
    expect(end.stdout).toMatch(/^ {4}→ /m);
    expect(end.code).toBe(1);
  });
});
