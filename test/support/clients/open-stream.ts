import type { AccountScript } from '../../../src/fake-upstream/script/account-script.js';
import { type ControlledTurn, controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import {
  completed,
  created,
  delta,
  framed,
  type TurnEvent,
  type TurnUsage,
} from '../../../src/fake-upstream/script/turn-events.js';
import type { RawResponse, RawExchange } from './raw-http.js';
import type { Talk } from '../program/usage-program.js';

/** A turn that stays open and measures how long each piece takes from upstream to the client. */
export class OpenStream {
  readonly #sent: TurnEvent[] = [];

  private constructor(
    private readonly turn: ControlledTurn,
    private readonly exchange: RawExchange,
    private readonly usage: TurnUsage,
  ) {}

  static async begin(
    account: AccountScript,
    program: Talk,
    session: string,
    usage: TurnUsage,
  ): Promise<OpenStream> {
    const turn = controlled();
    account.answers(turn.response);
    const stream = new OpenStream(turn, program.send({ 'session-id': session }), usage);
    await turn.started;
    stream.#send(created());
    return stream;
  }

  /** Sends a piece; resolves when the client has received it, with its latency in ms. */
  async piece(): Promise<number> {
    const text = `piece-${this.#sent.length}.`;
    const sentAt = performance.now();
    this.#send(delta(text));
    await this.exchange.untilText(text);
    return (this.exchange.pieces.at(-1)?.at ?? Infinity) - sentAt;
  }

  /** Ends the turn; returns what the client received and what upstream sent. */
  async end(): Promise<{ response: RawResponse; sent: string }> {
    this.#send(completed(this.usage));
    this.turn.end();
    return { response: await this.exchange.whole(), sent: this.#sent.map((it) => framed(it)).join('') };
  }

  #send(event: TurnEvent): void {
    this.#sent.push(event);
    this.turn.send(event);
  }
}
