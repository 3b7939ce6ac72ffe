import type { ScriptedHeaders, StreamResponse, StreamEnding, StreamStep } from './scripted-response.js';
import { streamOf } from './responses.js';

/** A streamed turn whose events the test sends one by one. */
export class ControlledTurn {
  /** Give it to one account, once. */
  readonly response: StreamResponse;
  /** Resolves when the turn has reached the account and the head of its response has been sent. */
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

  /** Sends events (or comments, or bytes) at once. Before the start they are buffered. */
  send(...steps: StreamStep[]): void {
    this.#queue.push(...steps);
    this.#wake.resolve();
  }

  /** Ends the response normally. */
  end(): void {
    this.#finish('end');
  }

  /** Closes the connection after the pending bytes have been sent. */
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
        // A gate instead of a plain wait: the stream stops waiting when the client disconnects.
        yield { gate: this.#wake.promise };
      }
    }
  }
}

/** A turn that the test controls: `account.answers(turn.response); await turn.started; turn.send(…); turn.end();`. */
export function controlled(headers?: ScriptedHeaders): ControlledTurn {
  return new ControlledTurn(headers);
}
