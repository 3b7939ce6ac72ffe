import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { streamOf } from '../../src/fake-upstream/script/responses.js';
import { delta, messageTurn, type TurnUsage } from '../../src/fake-upstream/script/turn-events.js';
import { type SocketMessage, jsonOf, typeOf } from '../support/clients/socket-message.js';

const DELTAS = 12;
const PAUSE_MS = 5;
const nothing: TurnUsage = { input: 0, cached: 0, output: 0, reasoning: 0 };

/** Answers to turns, each with a number in every piece of its text, and with tokens of its own. */
export class NumberedTurns {
  /** What upstream has told for all turns so far. */
  spent = nothing;
  /** Numbers that some client has got a whole answer of. */
  readonly got = new Set<number>();
  readonly faults: string[] = [];
  #given = 0;

  get given(): number {
    return this.#given;
  }

  /** To be answered always. */
  get answer(): ScriptedResponse {
    return streamOf(() => this.#next(), { pauseBetweenMs: PAUSE_MS });
  }

  /** Looks at what a client got for a turn. */
  received(frames: readonly SocketMessage[]): void {
    const types = frames.map((it) => typeOf(it));
    const text = frames
      .filter((it) => typeOf(it) === delta('').type)
      .map((it) => String(jsonOf(it)['delta']));
    const number = Number(text[0]?.split(' ')[1]);
    const isWhole =
      text.join('') === pieces(number).join('') &&
      types.includes('response.created') &&
      types.at(-1) === 'response.completed';
    if (!isWhole) this.faults.push(`not whole: ${types.join(', ')}; ${text.join('')}`);
    else if (this.got.has(number)) this.faults.push(`turn ${number} came twice`);
    else this.got.add(number);
  }

  #next(): ReturnType<typeof messageTurn> {
    this.#given += 1;
    const number = this.#given;
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
