import { setTimeout as pause } from 'node:timers/promises';
import { responseCreate } from '../../support/clients/codex-socket.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { endsTurn } from '../../support/clients/socket-message.js';
import type { SeededRandom } from '../../support/seeded-random.js';
import { type IsOver, repeatedly } from './pacing.js';
import type { Tally } from './tally.js';
import { isWhole, type TurnPlans } from './turn-plans.js';

const WORKERS = 8;
/** Codex sends a turn again when its WebSocket has ended or when a failure may pass. */
const MAX_REQUESTS = 5;
const RETRY_MS = 200;
const LEAVE_RATIO = 0.1;
const TURN_MS = 20_000;

/** Turns on WebSockets. A client keeps its socket for some turns, then leaves with or without a closing handshake. */
export async function sendSocketTurns(
  origin: string,
  plans: TurnPlans,
  random: SeededRandom,
  tally: Tally,
  isOver: IsOver,
): Promise<void> {
  const workers = Array.from({ length: WORKERS }, async () => {
    const line = new Line(origin, plans, tally);
    try {
      await repeatedly(isOver, random, [100, 900], async () => {
        await line.turn();
        if (random.happens(LEAVE_RATIO)) await line.leave(random.happens(0.5));
      });
    } finally {
      await line.leave(false);
    }
  });
  await Promise.all(workers);
}

/** A client with one WebSocket at a time. */
class Line {
  #client: SocketClient | null = null;

  constructor(
    private readonly origin: string,
    private readonly plans: TurnPlans,
    private readonly tally: Tally,
  ) {}

  async turn(): Promise<void> {
    const turn = this.plans.next();
    const ends: string[] = [];
    let isDone = false;
    for (let request = 1; request <= MAX_REQUESTS && !isDone; request += 1) {
      if (request > 1) await pause(RETRY_MS * request);
      const text = await this.#send(turn.input);
      isDone = turn.plan === 'refused input' ? text.includes('invalid_prompt') : isWhole(text, turn);
      if (!isDone) ends.push(text.slice(-500));
    }
    this.plans.ended(turn);
    this.tally.count(`WebSocket: ${turn.plan}`);
    if (isDone) return;
    this.tally.fail(`turn ${turn.number} (${turn.plan}) was not served on a WebSocket: ${ends.join(' | ')}`);
  }

  /** Disconnects, with a close frame or without. */
  async leave(withClose: boolean): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client === null) return;
    if (withClose) client.close();
    else client.cut();
    await client.closed;
  }

  /** The text of all messages until the turn or the socket ends. */
  async #send(input: readonly object[]): Promise<string> {
    if (this.#client?.end !== null) this.#client = null;
    this.#client ??= await this.#connect();
    const client = this.#client;
    if (client === null) return 'no socket';
    client.messages.length = 0;
    client.send(JSON.stringify(responseCreate(client.session, { input })));
    const isOver = (): boolean => client.end !== null || client.messages.slice(-1).some(endsTurn);
    try {
      await client.until(isOver, 'the end of a turn', TURN_MS);
    } catch (error) {
      client.cut();
      return String(error);
    }
    const text = client.messages.map((it) => it.bytes.toString('utf8')).join('\n');
    return client.end === null ? text : `${text} closed with ${client.end.code}`;
  }

  async #connect(): Promise<SocketClient | null> {
    const opened = await SocketClient.tryToConnect(this.origin);
    if (opened instanceof SocketClient) {
      this.tally.count('handshakes');
      return opened;
    }
    this.tally.count(`handshakes refused with ${opened.status}`);
    return null;
  }
}
