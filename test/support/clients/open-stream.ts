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

/** A turn that stays open; every piece of it is timed on its way from upstream to the client. */
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

  /** Resolves when the client has the piece: how long it was under way, ms. */
  async piece(): Promise<number> {
    const text = `piece-${this.#sent.length}.`;
    const sentAt = performance.now();
    this.#send(delta(text));
    await this.exchange.untilText(text);
    return (this.exchange.pieces.at(-1)?.at ?? Infinity) - sentAt;
  }

  /** Ends the turn: what the client has got, and what upstream has sent. */
  async end(): Promise<{ answer: RawResponse; sent: string }> {
    this.#send(completed(this.usage));
    this.turn.end();
    return { answer: await this.exchange.whole(), sent: this.#sent.map((it) => framed(it)).join('') };
  }

  #send(event: TurnEvent): void {
    this.#sent.push(event);
    this.turn.send(event);
  }
}
