import type { ScriptedHeaders, StreamResponse, StreamEnding, StreamStep } from './scripted-response.js';
import { streamOf } from './responses.js';

/** A streamed turn whose every event leaves when the test says so. */
export class ControlledTurn {
  /** To be handed to one account, once. */
  readonly response: StreamResponse;
  /** Resolves when the turn has reached the account and the head of its answer has left. */
  readonly started: Promise<void>;
  readonly #queue: StreamStep[] = [];
  #ending: StreamEnding | null = null;
  #wake = Promise.withResolvers<void>();

  constructor(headers: ScriptedHeaders = {}) {
    const started = Promise.withResolvers<void>();
    this.started = started.promise;
    const steps = (): AsyncIterable<StreamStep> => this.#steps(started.resolve);
    const endingNow = (): StreamEnding => this.#ending ?? 'hang';
    this.response = {
      ...streamOf(steps, { headers }),
      get ending() {
        return endingNow();
      },
    };
  }

  /** Sends events (or comments, or bytes) at once; before the start they are kept. */
  send(...steps: StreamStep[]): void {
    this.#queue.push(...steps);
    this.#wake.resolve();
  }

  /** Ends the answer in order. */
  end(): void {
    this.#finish('end');
  }

  /** Closes the connection, after what was sent has left. */
  cut(): void {
    this.#finish('cut');
  }

  /** Resets the connection. */
  reset(): void {
    this.#finish('reset');
  }

  #finish(ending: StreamEnding): void {
    this.#ending ??= ending;
    this.#wake.resolve();
  }

  async *#steps(started: () => void): AsyncGenerator<StreamStep> {
    started();
    for (;;) {
      const step = this.#queue.shift();
      if (step !== undefined) {
        yield step;
      } else if (this.#ending !== null) {
        return;
      } else {
        this.#wake = Promise.withResolvers<void>();
        // A gate instead of a plain wait: the stream stops waiting when the other side is gone.
        yield { gate: this.#wake.promise };
      }
    }
  }
}

/** A turn that the test conducts: `account.answers(turn.response); await turn.started; turn.send(…); turn.end();`. */
export function controlled(headers?: ScriptedHeaders): ControlledTurn {
  return new ControlledTurn(headers);
}
