import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { SocketClient } from '../support/clients/socket-client.js';
import { responseCreate } from '../support/clients/codex-socket.js';
import { endsTurn } from '../support/clients/socket-message.js';
import { Folders, type RunningProgram } from '../support/program/usage-program.js';
import { type Connections, connectionsOf } from '../support/program/connections.js';
import { NumberedTurns } from './numbered-turns.js';
import { type Figures, probe, probeAtRest, probeOptions } from './probe.js';

const accounts = ['a', 'b', 'c', 'd'];
/** Time between two turns on one socket. */
const EVERY_MS = 3_000;
/** Concurrent handshakes, and concurrent turns of the warm-up. */
const CONCURRENCY = 20;
/** The program keeps its last 1,000 request records. They must be full before memory is compared. */
const WARM_UP_TURNS = 1_200;
const SAMPLES = 8;
/** A busy machine may stall for a few seconds; a lost turn never arrives. */
const PATIENCE_MS = 30_000;
const SETTLE_MS = 10_000;
const POLL_MS = 50;

/** The program's figures, and the seconds since the warm-up at which they were taken. */
export interface Sample {
  readonly seconds: number;
  readonly figures: Figures;
}

/** Holds many WebSockets open through the real program, with a turn on each every few seconds. */
export class Soak implements AsyncDisposable {
  readonly turns = new NumberedTurns();
  /** Duration of the slowest turn. */
  slowestMs = 0;
  #clients: SocketClient[] = [];
  #prewarms = 0;

  private constructor(
    private readonly count: number,
    readonly fakeUpstream: FakeUpstream,
    private readonly folders: Folders,
    readonly program: RunningProgram,
  ) {
    for (const name of accounts) fakeUpstream.account(name).sockets.always(this.turns.response);
  }

  static async start(count: number): Promise<Soak> {
    const fakeUpstream = await FakeUpstream.start({ accounts });
    const folders = await Folders.create(fakeUpstream, accounts, {
      NODE_OPTIONS: probeOptions,
      PROXY_USAGE_REFRESH_SECONDS: '86400', // polls would disturb the counts
    });
    return new Soak(count, fakeUpstream, folders, await folders.start());
  }

  /** Turns received in full, including those without output (prewarms). */
  get completed(): number {
    return this.turns.received.size + this.#prewarms;
  }

  /** Turns that upstream received, including prewarms. */
  get received(): number {
    return this.fakeUpstream.sockets.turns().length + this.fakeUpstream.sockets.prewarms().length;
  }

  /** Opens the sockets. Each starts as Codex does, with a turn without output. */
  async open(count = this.count): Promise<void> {
    await concurrently(count, async () => {
      const client = await SocketClient.connect(this.program.origin);
      this.#clients.push(client);
      const messages = await client.prewarm();
      if (messages.length > 1) this.#prewarms += 1;
      else this.turns.faults.push(`a prewarm of ${messages.length} messages`);
    });
  }

  /** Runs enough turns for the program's memory to become stable. */
  async warmUp(atLeast = WARM_UP_TURNS): Promise<void> {
    const rounds = Math.ceil(atLeast / this.#clients.length);
    await concurrently(this.#clients.length, async (index) => {
      for (let round = 0; round < rounds; round += 1) await this.#runTurn(index);
    });
  }

  /** Runs a turn on each socket every few seconds, spread evenly. Returns samples; the last is taken at rest. */
  async run(seconds: number): Promise<Sample[]> {
    const startedAt = performance.now();
    const endsAt = startedAt + seconds * 1_000;
    const running = this.#clients.map(async (_, index) => {
      const first = startedAt + (index / this.#clients.length) * EVERY_MS;
      for (let at = first; at < endsAt; at += EVERY_MS) {
        await pauseUntil(at);
        await this.#runTurn(index);
      }
    });
    const sampling = Array.from({ length: SAMPLES - 1 }, async (_, index) => {
      const at = ((index + 1) / SAMPLES) * seconds;
      await pauseUntil(startedAt + at * 1_000);
      return { seconds: at, figures: await probe(this.program) };
    });
    const [samples] = await Promise.all([Promise.all(sampling), ...running]);
    await this.fakeUpstream.untilIdle();
    return [...samples, { seconds, figures: await probeAtRest(this.program) }];
  }

  /**
   * Disconnects all clients, every second one without a close frame. Resolves when all connections are closed, or after
   * `SETTLE_MS`.
   */
  async leave(): Promise<void> {
    for (const [index, client] of this.#clients.entries()) {
      if (index % 2 === 0) client.cut();
      else client.close();
    }
    await Promise.all(this.#clients.map((it) => it.closed));
    this.#clients = [];
    const deadline = performance.now() + SETTLE_MS; // the test checks what is left
    while (performance.now() < deadline) {
      const { clients } = await this.connections();
      if (this.fakeUpstream.sockets.open === 0 && clients === 0) return;
      await pause(POLL_MS);
    }
  }

  /** The program's open files and connections. */
  async connections(): Promise<Connections> {
    return await connectionsOf(this.program.pid, this.program.origin, this.fakeUpstream.origin);
  }

  /** Turns that the program counts as in flight, over all accounts. */
  async inFlight(): Promise<number> {
    const views = z
      .array(z.object({ inFlight: z.number() }))
      .parse(await this.program.json('/admin/accounts'));
    return views.reduce((sum, it) => sum + it.inFlight, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const it of this.#clients) it.cut();
    await this.folders[Symbol.asyncDispose]();
    await this.fakeUpstream.close();
  }

  async #runTurn(index: number): Promise<void> {
    const client = this.#clients[index];
    if (client === undefined) throw new Error(`there is no socket ${index}`);
    client.messages.length = 0; // otherwise this process itself would leak them
    const sentAt = performance.now();
    client.send(JSON.stringify(responseCreate(client.session)));
    const isOver = (): boolean => client.end !== null || client.messages.slice(-1).some((it) => endsTurn(it));
    try {
      await client.until(isOver, 'the end of a turn', PATIENCE_MS);
    } catch (error) {
      throw new Error(`turn did not end; at upstream: ${this.#lastTurnOf(client.session)}`, { cause: error });
    }
    this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
    this.turns.check(client.messages);
  }

  /** Describes the last turn of a session as upstream sees it. */
  #lastTurnOf(session: string): string {
    const last = this.fakeUpstream.sockets
      .turns()
      .findLast((it) => it.message['prompt_cache_key'] === session);
    if (last === undefined) return 'no turn';
    const { endedAt, socket } = last;
    const state = socket.isOpen ? 'open' : `closed with ${socket.closeCode}`;
    return `turn ${last.id} ${endedAt === null ? 'is running' : `ended after ${endedAt - last.at} ms`}, socket ${state}`;
  }
}

/** Waits until `at`, a time of `performance.now()`. */
async function pauseUntil(at: number): Promise<void> {
  await pause(Math.max(0, at - performance.now()));
}

/** Calls `work` for each index, a limited number at a time. */
async function concurrently(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const workers = Array.from({ length: Math.min(CONCURRENCY, count) }, async () => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  });
  await Promise.all(workers);
}
