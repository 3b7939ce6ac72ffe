import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { SocketClient } from '../support/clients/socket-client.js';
import { responseCreate } from '../support/clients/codex-socket.js';
import { endsTurn } from '../support/clients/socket-message.js';
import { Folders, type RunningProgram } from '../support/program/usage-program.js';
import { type Connections, connectionsOf } from './connections.js';
import { NumberedTurns } from './numbered-turns.js';
import { type Figures, probe, probeAtRest, probedBy } from './probe.js';

const accounts = ['a', 'b', 'c', 'd'];
/** Between two turns on one socket. */
const EVERY_MS = 3_000;
/** A handshake or a turn of the warm-up at the same time as so many others. */
const AT_ONCE = 20;
/** The program remembers its last 1,000 decisions: what it keeps of them must be full before memory is compared. */
const WARM_UP_TURNS = 1_200;
const SAMPLES = 8;
/** A loaded machine may stand still for some seconds; a turn that is lost does not come later. */
const PATIENCE_MS = 30_000;
const SETTLE_MS = 10_000;
const LOOK_MS = 50;

/** Seconds since the warm-up, and what was held at that time. */
export interface Sample {
  readonly seconds: number;
  readonly figures: Figures;
}

/** Many WebSockets held open through the real program, with a turn on each every few seconds. */
export class Soak implements AsyncDisposable {
  readonly turns = new NumberedTurns();
  /** The turn that took longest. */
  slowestMs = 0;
  #clients: SocketClient[] = [];
  #prewarms = 0;

  private constructor(
    private readonly count: number,
    readonly fakeUpstream: FakeUpstream,
    private readonly folders: Folders,
    readonly program: RunningProgram,
  ) {
    for (const name of accounts) fakeUpstream.account(name).sockets.always(this.turns.answer);
  }

  static async start(count: number): Promise<Soak> {
    const fakeUpstream = await FakeUpstream.start({ accounts });
    const folders = await Folders.create(fakeUpstream, accounts, {
      NODE_OPTIONS: probedBy,
      PROXY_USAGE_REFRESH_SECONDS: '86400', // what is counted are WebSockets and turns, not polls
    });
    return new Soak(count, fakeUpstream, folders, await folders.start());
  }

  /** Turns of which a whole answer came, those without output (prewarms) among them. */
  get answered(): number {
    return this.turns.got.size + this.#prewarms;
  }

  /** Turns that upstream was asked for, the prewarms among them. */
  get asked(): number {
    return this.fakeUpstream.sockets.turns().length + this.fakeUpstream.sockets.prewarms().length;
  }

  /** Opens every socket, with the turn without output that Codex sends first. */
  async open(count = this.count): Promise<void> {
    await inLanes(count, async () => {
      const client = await SocketClient.connect(this.program.origin);
      this.#clients.push(client);
      const frames = await client.prewarm();
      if (frames.length > 1) this.#prewarms += 1;
      else this.turns.faults.push(`a prewarm of ${frames.length} frames`);
    });
  }

  /** As many turns one after the other as it takes until the program's memory is as it stays. */
  async warmUp(atLeast = WARM_UP_TURNS): Promise<void> {
    const rounds = Math.ceil(atLeast / this.#clients.length);
    await inLanes(this.#clients.length, async (index) => {
      for (let round = 0; round < rounds; round += 1) await this.#turn(index);
    });
  }

  /** A turn on each socket every few seconds, spread evenly, for so long; returns samples, the last one at rest. */
  async run(seconds: number): Promise<Sample[]> {
    const beganAt = performance.now();
    const over = beganAt + seconds * 1_000;
    const turning = this.#clients.map(async (_, index) => {
      const first = beganAt + (index / this.#clients.length) * EVERY_MS;
      for (let at = first; at < over; at += EVERY_MS) {
        await pauseUntil(at);
        await this.#turn(index);
      }
    });
    const sampling = Array.from({ length: SAMPLES - 1 }, async (_, index) => {
      const at = ((index + 1) / SAMPLES) * seconds;
      await pauseUntil(beganAt + at * 1_000);
      return { seconds: at, figures: await probe(this.program) };
    });
    const [samples] = await Promise.all([Promise.all(sampling), ...turning]);
    await this.fakeUpstream.untilIdle();
    return [...samples, { seconds, figures: await probeAtRest(this.program) }];
  }

  /** All clients go, every second one without a word. Returns when nothing of them is left open, or too much too long. */
  async leave(): Promise<void> {
    for (const [index, client] of this.#clients.entries()) {
      if (index % 2 === 0) client.cut();
      else client.close();
    }
    await Promise.all(this.#clients.map((it) => it.closed));
    this.#clients = [];
    const deadline = performance.now() + SETTLE_MS; // what is left then is for the test to tell
    while (performance.now() < deadline) {
      const { clients } = await this.connections();
      if (this.fakeUpstream.sockets.open === 0 && clients === 0) return;
      await pause(LOOK_MS);
    }
  }

  /** What the program holds open. */
  async connections(): Promise<Connections> {
    return await connectionsOf(this.program.pid, this.program.origin, this.fakeUpstream.origin);
  }

  /** Turns that the program believes to be running, over all accounts. */
  async inFlight(): Promise<number> {
    const told = z
      .array(z.object({ inFlight: z.number() }))
      .parse(await this.program.json('/admin/accounts'));
    return told.reduce((sum, it) => sum + it.inFlight, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const it of this.#clients) it.cut();
    await this.folders[Symbol.asyncDispose]();
    await this.fakeUpstream.close();
  }

  async #turn(index: number): Promise<void> {
    const client = this.#clients[index];
    if (client === undefined) throw new Error(`there is no socket ${index}`);
    client.messages.length = 0; // else they are this process's own leak
    const sentAt = performance.now();
    client.send(JSON.stringify(responseCreate(client.session)));
    const isOver = (): boolean => client.end !== null || client.messages.slice(-1).some((it) => endsTurn(it));
    try {
      await client.until(isOver, 'the end of a turn', PATIENCE_MS);
    } catch (error) {
      throw new Error(`Upstream says: ${this.#upstreamsWord(client.session)}`, { cause: error });
    }
    this.slowestMs = Math.max(this.slowestMs, performance.now() - sentAt);
    this.turns.received(client.messages);
  }

  /** How upstream sees the last turn of a session. */
  #upstreamsWord(session: string): string {
    const last = this.fakeUpstream.sockets
      .turns()
      .findLast((it) => it.message['prompt_cache_key'] === session);
    if (last === undefined) return 'no turn';
    const { endedAt, socket } = last;
    const state = socket.isOpen ? 'open' : `closed with ${socket.closeCode}`;
    return `turn ${last.id} ${endedAt === null ? 'runs' : `was answered within ${endedAt - last.at} ms`}, socket ${state}`;
  }
}

/** By `performance.now()`. */
async function pauseUntil(at: number): Promise<void> {
  await pause(Math.max(0, at - performance.now()));
}

/** Does something for each index, some at a time. */
async function inLanes(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lanes = Array.from({ length: Math.min(AT_ONCE, count) }, async () => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  });
  await Promise.all(lanes);
}
