import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import request from 'supertest';
import { AccountRegistry } from '../../../src/accounts/account-registry.js';
import { DoctorChecks } from '../../../src/admin/doctor/doctor-checks.js';
import { loadConfig } from '../../../src/config/app.config.js';
import { type RunningApp, startApp } from '../../../src/bootstrap/app.setup.js';
import type { Clock } from '../../../src/runtime/clock.js';
import type { HostAddresses } from '../../../src/runtime/network-detector.js';
import type { RefreshStepWatcher } from '../../../src/tokens/refresh-state.js';
import { RecentErrors } from '../../../src/observability/recent-errors.js';
import type { FakeAccountOptions } from '../../../src/fake-upstream/script/account-script.js';
import type { AuthJson } from '../../../src/fake-upstream/script/made-up-credentials.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { CapturingLogger } from './capturing-logger.js';

export interface TestPoolOptions {
  /** Accounts of the fake upstream, each with a file of its name in the pool. Default: a and b. */
  readonly accounts?: readonly (string | FakeAccountOptions)[];
  readonly env?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  /** The addresses of the machine. Default: the real ones. */
  readonly addresses?: HostAddresses;
  /** Upstream's clock (epoch ms). Default: `clock`. */
  readonly upstreamNow?: () => number;
  readonly onRefreshStep?: RefreshStepWatcher;
  /** More files for the pool folder, by file name, as text. */
  readonly files?: Readonly<Record<string, string>>;
  /** Changes an account's credential file before startup. */
  readonly authJson?: (name: string, json: AuthJson) => AuthJson;
  /** The callback ports of a browser login. Default: the real ones. */
  readonly loginPorts?: readonly number[];
  /** Folder of the built page. Default: none is built. */
  readonly pageFolder?: string;
  /** Called before the proxy starts. */
  readonly prepare?: (fakeUpstream: FakeUpstream) => void | Promise<void>;
}

/** The program as deployed, in this process, on a loopback port, in front of a fake upstream. */
export class TestPool implements AsyncDisposable {
  private constructor(
    readonly fakeUpstream: FakeUpstream,
    readonly running: RunningApp,
    readonly folder: string,
    readonly logger: CapturingLogger,
    private readonly options: TestPoolOptions,
  ) {}

  static async start(options: TestPoolOptions = {}): Promise<TestPool> {
    const { clock, upstreamNow = clock === undefined ? Date.now : () => clock.now() } = options;
    const fakeUpstream = await FakeUpstream.start({
      accounts: options.accounts ?? ['a', 'b'],
      now: upstreamNow,
    });
    await options.prepare?.(fakeUpstream);
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-test-'));
    await mkdir(join(folder, 'pool'));
    for (const account of options.accounts ?? ['a', 'b']) {
      const name = typeof account === 'string' ? account : account.name;
      const json = fakeUpstream.account(name).authJson();
      await writeAuth(folder, name, options.authJson?.(name, json) ?? json);
    }
    for (const [name, text] of Object.entries(options.files ?? {})) {
      await writeFile(join(folder, 'pool', name), text, { mode: 0o600 });
    }
    const logger = new CapturingLogger();
    const running = await startIn(folder, fakeUpstream, options, logger);
    return new TestPool(fakeUpstream, running, folder, logger, options);
  }

  /** Stops the program and starts it again on the same folders, with empty memory. */
  async restart(): Promise<TestPool> {
    await this.running.stop();
    const running = await startIn(this.folder, this.fakeUpstream, this.options, this.logger);
    return new TestPool(this.fakeUpstream, running, this.folder, this.logger, this.options);
  }

  get port(): number {
    return this.running.address.port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get client(): ReturnType<typeof request> {
    return request(this.origin);
  }

  get registry(): AccountRegistry {
    return this.running.app.get(AccountRegistry);
  }

  /** A turn as an old client would send it; supertest reads the whole stream as text. */
  turn(headers: Readonly<Record<string, string>> = {}, body: object = aTurn()) {
    return this.client
      .post('/v1/responses')
      .set({ accept: 'text/event-stream', ...headers })
      .send(body)
      .buffer(true)
      .parse((res: unknown, done: (error: Error | null, text: string) => void) => asText(res, done));
  }

  /** An account as the admin API shows it. */
  async account(name: string) {
    const { body } = await this.client.get('/admin/accounts').expect(200);
    const found = body.find((it: { name: string }) => it.name === name);
    if (found === undefined) throw new Error(`no account ${name}`);
    return found;
  }

  async writeAuth(name: string, json: AuthJson): Promise<void> {
    await writeAuth(this.folder, name, json);
  }

  async readAuth(name: string): Promise<AuthJson> {
    return JSON.parse(await readFile(join(this.folder, 'pool', `${name}.json`), 'utf8'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.running.stop();
    await this.fakeUpstream.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A request body with the fields that the proxy reads. */
export function aTurn(fields: object = {}): object {
  return {
    model: 'gpt-5.5',
    stream: true,
    store: false,
    input: [{ role: 'user', content: 'hello' }],
    ...fields,
  };
}

/** For supertest's `parse`: the body as text. Its type hides that the response is a stream. */
function asText(res: unknown, done: (error: Error | null, text: string) => void): void {
  if (!(res instanceof Readable)) throw new TypeError('supertest gave no stream');
  const chunks: Buffer[] = [];
  res.on('data', (chunk: Buffer) => chunks.push(Buffer.from(chunk)));
  res.once('end', () => done(null, Buffer.concat(chunks).toString('utf8')));
  res.once('error', (error: Error) => done(error, ''));
}

async function startIn(
  folder: string,
  fakeUpstream: FakeUpstream,
  options: TestPoolOptions,
  logger: CapturingLogger,
): Promise<RunningApp> {
  const config = loadConfig({
    PROXY_LISTEN_ADDR: '127.0.0.1:0',
    POOL_DIR: join(folder, 'pool'),
    PROXY_DB_PATH: join(folder, 'data', 'proxy.db'),
    PROXY_DRAIN_SECONDS: '1',
    XDG_RUNTIME_DIR: join(folder, 'run'),
    ...fakeUpstream.env,
    ...options.env,
  });
  const { clock, addresses, onRefreshStep, loginPorts, pageFolder = join(folder, 'no-page') } = options;
  const running = await startApp(config, {
    logger,
    errors: new RecentErrors(),
    pageFolder,
    ...(clock === undefined ? {} : { clock }),
    ...(addresses === undefined ? {} : { addresses }),
    ...(onRefreshStep === undefined ? {} : { onRefreshStep }),
    ...(loginPorts === undefined ? {} : { loginPorts }),
  });
  const checks = running.app.get(DoctorChecks);
  checks.folder = folder;
  checks.env = doctorEnv(folder, fakeUpstream, options);
  return running;
}

/** The environment of the checks: the settings of the pool, and a home without a Codex of this machine. */
function doctorEnv(folder: string, { env }: FakeUpstream, options: TestPoolOptions): NodeJS.ProcessEnv {
  return { PATH: dirname(process.execPath), HOME: folder, ...env, ...options.env };
}

async function writeAuth(folder: string, name: string, json: AuthJson): Promise<void> {
  await writeFile(join(folder, 'pool', `${name}.json`), JSON.stringify(json, null, 2), { mode: 0o600 });
}
