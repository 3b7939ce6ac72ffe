import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { Child, type ChildEnd } from '../../codex/support/child.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/network/ports.js';
import { buildProgram } from '../../support/program/child-process.js';
import { Folders, Talk } from '../../support/program/usage-program.js';
import type { SeededRandom } from '../../support/seeded-random.js';
import { COMPILED, leftoversOf } from './leftovers.js';
import { TurnsUntilStop } from './turns-until-stop.js';

const accounts = ['a', 'b', 'c'];
/** Each turn refreshes its account: a refresh is due a minute before the end of a token. */
const TOKEN_SECONDS = 55;
const DRAIN_SECONDS = 5;
const START_LIMIT_MS = 30_000;
/** One stop in this many comes while the program still starts. */
const EARLY_RATIO = 0.25;
const LONGEST_START_MS = 1_500;
const LONGEST_LOAD_MS = 500;

/** The files of a program that does not run: those of its accounts, and the database. */
const lasting = [
  /^data\/proxy\.db(\.lock)?$/,
  /^pool\/[a-c]\.json$/,
  /^pool\/\.journal\/[\da-f]{32}\.journal$/,
  /^run\/codex-pool\/[\da-f]{32}\.lock$/,
];
const untilClosed = [/^data\/proxy\.db-(wal|shm)$/];
/** Three for each account, and four of the database. */
const MAX_FILES = 3 * accounts.length + 4;
/** For the clients to notice that the program has ended. */
const CLIENTS_LIMIT_MS = 10_000;

/** The result of one start and its stop. */
export interface Start {
  readonly isEarly: boolean;
  readonly served: number;
  readonly findings: readonly string[];
}

/** Starts the program again and again on one port, pool and data folder, and stops it while it starts or serves. */
export class RepeatedStarts implements AsyncDisposable {
  private constructor(
    private readonly random: SeededRandom,
    readonly fakeUpstream: FakeUpstream,
    private readonly folders: Folders,
    private readonly entry: string,
    private readonly port: number,
  ) {}

  static async create(random: SeededRandom): Promise<RepeatedStarts> {
    const fakeUpstream = await FakeUpstream.start({
      accounts: accounts.map((name) => ({ name, accessTokenLifetimeSeconds: TOKEN_SECONDS })),
    });
    fakeUpstream.tokens.lifetimeSeconds = TOKEN_SECONDS;
    for (const name of accounts) fakeUpstream.account(name).always(streams({ pauseBetweenMs: 10 }));
    const folders = await Folders.create(fakeUpstream, accounts);
    return new RepeatedStarts(random, fakeUpstream, folders, await buildProgram(), await freePort());
  }

  /** Starts the program, stops it, and looks for what it left. */
  async once(): Promise<Start> {
    const signal = this.random.happens(0.7) ? 'SIGTERM' : 'SIGINT';
    const isEarly = this.random.happens(EARLY_RATIO);
    const child = this.#spawn();
    const findings: string[] = [];
    let end: ChildEnd;
    let turns: TurnsUntilStop | null = null;
    if (isEarly) {
      await pause(this.random.between(0, LONGEST_START_MS));
      child.kill(signal);
      end = await child.ended;
      const isAsAsked = end.code === 0 || end.signal === signal;
      if (!isAsAsked) findings.push(`stopped early by ${signal}, it ended with ${JSON.stringify(end)}`);
    } else {
      const origin = await this.#listening(child);
      const talk = new Talk(origin);
      const out = (await talk.json('/admin/accounts')).filter(
        (it: { reason: unknown }) => it.reason !== null,
      );
      if (out.length > 0) findings.push(`accounts are out after a start: ${JSON.stringify(out)}`);
      turns = new TurnsUntilStop(origin);
      await pause(this.random.between(0, LONGEST_LOAD_MS));
      turns.stopping();
      child.kill(signal);
      end = await child.ended;
      if (end.code !== 0) findings.push(`stopped by ${signal}, it ended with ${JSON.stringify(end)}`);
    }
    findings.push(...(await this.#left(end)), ...(await unended(turns)));
    findings.push(...(turns?.failures ?? []));
    const output = findings.length === 0 ? [] : [child.outputTail];
    return { isEarly, served: turns?.served ?? 0, findings: [...findings, ...output] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folders[Symbol.asyncDispose]();
    await this.fakeUpstream.close();
  }

  #spawn(): Child {
    const { path } = this.folders;
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: path,
      XDG_RUNTIME_DIR: join(path, 'run'),
      NODE_COMPILE_CACHE: join(path, COMPILED),
      PROXY_LISTEN_ADDR: `127.0.0.1:${this.port}`,
      PROXY_DRAIN_SECONDS: String(DRAIN_SECONDS),
      PROXY_POLICY: 'round-robin', // all accounts serve turns
      ...this.fakeUpstream.env,
    };
    return new Child(process.execPath, [this.entry], { env, cwd: path });
  }

  async #listening(child: Child): Promise<string> {
    const listening = (): string | null =>
      /^codex-pool listens on (http:\/\/\S+:[1-9]\d*)$/m.exec(child.stdout)?.[1] ?? null;
    return await child.until(listening, 'the program to listen', START_LIMIT_MS);
  }

  /** Everything that the program left behind. */
  async #left(end: ChildEnd): Promise<string[]> {
    const { processes, locks, ports, files } = await leftoversOf(this.folders.path, this.port);
    // SQLite keeps two files until it closes, and a signal before the program listens ends it without that.
    const known = end.code === 0 ? lasting : [...lasting, ...untilClosed];
    const strange = files.filter((file) => !known.some((it) => it.test(file)));
    return [
      ...processes.map((it) => `process ${it} is left`),
      ...locks.map((it) => `${it} is locked`),
      ...ports.map((it) => `port ${it} is in use`),
      ...strange.map((it) => `the file ${it} is left`),
      ...(files.length > MAX_FILES ? [`too many files are left: ${files.join(', ')}`] : []),
    ];
  }
}

/** Waits for the end of all clients. */
async function unended(turns: TurnsUntilStop | null): Promise<string[]> {
  try {
    await eventually(
      async () => (turns === null || turns.areOver ? null : 'turns have no end'),
      CLIENTS_LIMIT_MS,
    );
    return [];
  } catch (error) {
    return [String(error)];
  }
}
