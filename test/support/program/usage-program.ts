import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DataSource } from 'typeorm';
import type { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { chooseDriver, driverOptions } from '../../../src/storage/database-driver.js';
import type { DriverSetting } from '../../../src/config/driver-setting.js';
import { UsageRecord } from '../../../src/usage/sums/usage-record.entity.js';
import { Child } from '../../codex/support/child.js';
import { buildProgram } from './child-process.js';
import { aTurn } from '../pool/pool.js';
import { call, type RawResponse, type RawExchange, send, turnWith } from '../clients/raw-http.js';

// Runs commands in a shell that then becomes the program, with the same process id.
const SHELL = 'echo "pid $$"; eval "$1"; shift; exec "$@"';

/** Folders for the built program. They survive its restarts. */
export class Folders implements AsyncDisposable {
  readonly #running: RunningProgram[] = [];

  private constructor(
    readonly path: string,
    private readonly fakeUpstream: FakeUpstream,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  /** Every account gets a file in the pool folder. */
  static async create(
    fakeUpstream: FakeUpstream,
    accounts: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Folders> {
    const path = await mkdtemp(join(tmpdir(), 'codex-pool-usage-'));
    await mkdir(join(path, 'pool'));
    for (const name of accounts) {
      const text = JSON.stringify(fakeUpstream.account(name).authJson());
      await writeFile(join(path, 'pool', `${name}.json`), text, { mode: 0o600 });
    }
    return new Folders(path, fakeUpstream, env);
  }

  get data(): string {
    return join(this.path, 'data');
  }

  get database(): string {
    return join(this.data, 'proxy.db');
  }

  /** `before`: a shell command to run first, such as a limit. */
  async start(before = ':'): Promise<RunningProgram> {
    const entry = await buildProgram();
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.path,
      PROXY_LISTEN_ADDR: '127.0.0.1:0',
      PROXY_DRAIN_SECONDS: '2',
      ...this.fakeUpstream.env,
      ...this.env,
    };
    const args = ['-c', SHELL, 'bash', before, process.execPath, entry];
    const child = new Child('bash', args, { env, cwd: this.path });
    const listening = (): string | null =>
      /^codex-pool listens on (http:\/\/\S+:[1-9]\d*)$/m.exec(child.stdout)?.[1] ?? null;
    const running = new RunningProgram(child, await child.until(listening, 'the program to listen'));
    this.#running.push(running);
    return running;
  }

  /** All turns on disk. */
  async records(): Promise<UsageRecord[]> {
    return await recordsIn(this.database);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const it of this.#running) await it.child.stop();
    await rm(this.path, { recursive: true, force: true });
  }
}

/** All turns on disk, read through a separate connection and any driver. */
export async function recordsIn(database: string, driver: DriverSetting = 'auto'): Promise<UsageRecord[]> {
  const source = new DataSource(driverOptions(database, chooseDriver(driver), [UsageRecord]));
  await source.initialize();
  try {
    return await source.getRepository(UsageRecord).find({ order: { at: 'ASC' } });
  } finally {
    await source.destroy();
  }
}

/** An HTTP client of a listening program. */
export class Talk {
  constructor(readonly origin: string) {}

  async json(path: string) {
    const response = await call(this.origin, { path });
    if (response.status !== 200)
      throw new Error(`${path} returned ${response.status}: ${response.body.toString()}`);
    return JSON.parse(response.body.toString());
  }

  async health() {
    return await this.json('/healthz');
  }

  /** Polls the health until the condition holds. */
  async untilHealth(isWished: (health: Awaited<ReturnType<Talk['health']>>) => boolean, what: string) {
    const deadline = performance.now() + 8_000;
    for (;;) {
      const health = await this.health();
      if (isWished(health)) return health;
      if (performance.now() > deadline)
        throw new Error(`timed out waiting for ${what}: ${JSON.stringify(health)}`);
      await pause(20);
    }
  }

  /** Resolves when this many turns are recorded and no row is pending. */
  async untilRecorded(turns: number): Promise<void> {
    const deadline = performance.now() + 8_000;
    for (;;) {
      const { status, body } = await call(this.origin, { path: '/admin/usage' });
      if (status === 200 && JSON.parse(body.toString()).totals.turns === turns) break;
      if (performance.now() > deadline)
        throw new Error(`timed out waiting for ${turns} turns on record: ${status} ${body.toString()}`);
      await pause(20);
    }
    await this.untilHealth((it) => it.details.usage.pending === 0, 'everything to be written');
  }

  send(headers: Readonly<Record<string, string>> = {}, body: object = aTurn()): RawExchange {
    return send(this.origin, turnWith(JSON.stringify(body), headers));
  }

  async turn(headers: Readonly<Record<string, string>> = {}, body: object = aTurn()): Promise<RawResponse> {
    return await this.send(headers, body).whole();
  }
}

/** A run of the program in a separate process. */
export class RunningProgram extends Talk {
  constructor(
    readonly child: Child,
    origin: string,
  ) {
    super(origin);
  }

  get pid(): number {
    return Number(/^pid (\d+)$/m.exec(this.child.stdout)?.[1]);
  }

  get log(): string {
    return this.child.stdout + this.child.stderr;
  }

  /** Sends SIGTERM and waits for the exit. */
  async stop(): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
    this.child.kill('SIGTERM');
    return await this.child.ended;
  }

  async kill9(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.child.ended;
  }
}
