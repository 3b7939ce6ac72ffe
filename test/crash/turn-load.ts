import { aTurn } from '../support/pool/pool.js';
import { call, turnWith } from '../support/clients/raw-http.js';
import type { Life } from './program-run.js';

const turn = turnWith(JSON.stringify(aTurn()));
/** A connection that breaks may be seen before the end of the process that broke it. */
const END_IS_NEAR_MS = 5_000;

/** Turns, several at a time and without a pause, until the process that serves them is ended. */
export class TurnLoad {
  /** Turns served, by account. */
  readonly served = new Map<string, number>();
  /** What no turn may get; the kill itself is no failure. */
  readonly failures: string[] = [];
  readonly #workers: Promise<void>[];
  #isStopped = false;

  constructor(
    private readonly life: Life,
    private readonly origin: string,
    workers: number,
  ) {
    this.#workers = Array.from({ length: workers }, async () => this.#work());
  }

  get total(): number {
    return [...this.served.values()].reduce((sum, it) => sum + it, 0);
  }

  /** No new turn from now on, and none that is broken off counts. */
  stop(): void {
    this.#isStopped = true;
  }

  async ended(): Promise<void> {
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const { status, headers, isBroken, body } = await call(this.origin, turn);
        if (isBroken) await this.#brokenOff('an answer was cut');
        else if (status === 200) this.#count(String(headers['x-codex-pool-account']));
        else this.failures.push(`a turn was answered ${status}: ${body.toString().slice(0, 500)}`);
      } catch (error) {
        await this.#brokenOff(String(error));
      }
    }
  }

  #count(account: string): void {
    this.served.set(account, (this.served.get(account) ?? 0) + 1);
  }

  async #brokenOff(how: string): Promise<void> {
    const deadline = Promise.withResolvers<'alive'>();
    const timer = setTimeout(() => deadline.resolve('alive'), END_IS_NEAR_MS);
    const end = await Promise.race([this.life.child.ended, deadline.promise]);
    clearTimeout(timer);
    if (end === 'alive') this.failures.push(`a turn failed while the process was alive: ${how}`);
    this.#isStopped = true;
  }
}
