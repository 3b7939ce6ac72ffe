import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { streamOf } from '../../src/fake-upstream/script/responses.js';
import { delta, messageTurn, type TurnUsage } from '../../src/fake-upstream/script/turn-events.js';
import { type SocketMessage, jsonOf, typeOf } from '../support/clients/socket-message.js';

const DELTAS = 12;
const PAUSE_MS = 5;
const nothing: TurnUsage = { input: 0, cached: 0, output: 0, reasoning: 0 };

/** Scripts responses to turns. Each has its number in every piece of its text, and its own token counts. */
export class NumberedTurns {
  /** Tokens that upstream has reported for all turns so far. */
  spent = nothing;
  /** Numbers of the turns that a client received in full. */
  readonly received = new Set<number>();
  /** Responses that were incomplete or came twice. */
  readonly faults: string[] = [];
  #started = 0;

  get started(): number {
    return this.#started;
  }

  /** The response for every turn. */
  get response(): ScriptedResponse {
    return streamOf(() => this.#next(), { pauseBetweenMs: PAUSE_MS });
  }

  /** Checks the messages that a client received for a turn. */
  check(messages: readonly SocketMessage[]): void {
    const types = messages.map((it) => typeOf(it));
    const text = messages
      .filter((it) => typeOf(it) === delta('').type)
      .map((it) => String(jsonOf(it)['delta']));
    const number = Number(text[0]?.split(' ')[1]);
    const isWhole =
      text.join('') === pieces(number).join('') &&
      types.includes('response.created') &&
      types.at(-1) === 'response.completed';
    if (!isWhole) this.faults.push(`incomplete: ${types.join(', ')}; ${text.join('')}`);
    else if (this.received.has(number)) this.faults.push(`turn ${number} was received twice`);
    else this.received.add(number);
  }

  #next(): ReturnType<typeof messageTurn> {
    this.#started += 1;
    const number = this.#started;
    const usage = {
      input: 100 + (number % 97),
      cached: number % 41,
      output: 10 + (number % 13),
      reasoning: number % 7,
    };
    this.spent = {
      input: this.spent.input + usage.input,
      cached: this.spent.cached + usage.cached,
      output: this.spent.output + usage.output,
      reasoning: this.spent.reasoning + usage.reasoning,
    };
    return messageTurn(pieces(number), usage);
  }
}

const pieces = (turn: number): string[] =>
  Array.from({ length: DELTAS }, (_, index) => `turn ${turn} piece ${index}\n`);
