import { aTurn } from '../support/pool/pool.js';
import { call, turnWith } from '../support/clients/raw-http.js';
import type { ProgramRun } from './program-run.js';

const turn = turnWith(JSON.stringify(aTurn()));
/** When a process dies, its connections may break before its end is noticed. */
const EXIT_GRACE_MS = 5_000;

/** Sends turns, several at a time and without a pause, until the process that serves them ends. */
export class TurnLoad {
  /** Turns served, by account. */
  readonly served = new Map<string, number>();
  /** Failed turns. Turns broken by the kill do not count. */
  readonly failures: string[] = [];
  readonly #workers: Promise<void>[];
  #isStopped = false;

  constructor(
    private readonly run: ProgramRun,
    private readonly origin: string,
    workers: number,
  ) {
    this.#workers = Array.from({ length: workers }, async () => this.#work());
  }

  get total(): number {
    return [...this.served.values()].reduce((sum, it) => sum + it, 0);
  }

  /** Starts no more turns; broken turns do not count from now on. */
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
        if (isBroken) await this.#brokenOff('the response was cut');
        else if (status === 200) this.#count(String(headers['x-codex-pool-account']));
        else this.failures.push(`a turn returned ${status}: ${body.toString().slice(0, 500)}`);
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
    const timer = setTimeout(() => deadline.resolve('alive'), EXIT_GRACE_MS);
    const end = await Promise.race([this.run.child.ended, deadline.promise]);
    clearTimeout(timer);
    if (end === 'alive') this.failures.push(`a turn failed while the process was alive: ${how}`);
    this.#isStopped = true;
  }
}
