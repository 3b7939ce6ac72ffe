import { type RefreshStep, refreshSteps } from '../../src/tokens/refresh-state.js';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import type { Expectation } from './expectation.js';
import type { RunKind } from './program-run.js';
import type { TokenGenerations } from './token-generations.js';

/** The state of one account after one kill. */
export interface Finding {
  readonly kept: TokenGenerations;
  readonly last: RefreshStep | null;
  readonly before: Expectation;
}

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, it) => total + it, 0);

/** The figures of a test, printed at its end. */
export class CrashReport {
  readonly #beganAt = performance.now();
  readonly #kills: Record<RunKind, number> = { traced: 0, plain: 0 };
  readonly #steps = new Map<RefreshStep, number>();
  #killsInRefresh = 0;
  #killsInStart = 0;
  #inFile = 0;
  #inJournal = 0;
  #responsesLost = 0;
  #logins = 0;
  readonly #faults = new Map<string, number>();
  #turns = 0;
  #tokenRequests = 0;
  #reuses = 0;

  constructor(private readonly title: string) {}

  get kills(): number {
    return sum(Object.values(this.#kills));
  }

  killed(kind: RunKind, isInStart: boolean, findings: readonly Finding[]): void {
    this.#kills[kind] += 1;
    if (isInStart) this.#killsInStart += 1;
    const underWay = findings.filter(({ last }) => last !== null && last !== 'journal-cleared');
    if (underWay.length > 0) this.#killsInRefresh += 1;
    for (const { kept, last, before } of findings) {
      if (last !== null) this.#steps.set(last, (this.#steps.get(last) ?? 0) + 1);
      if (kept.onDisk < kept.issued) this.#responsesLost += before.isResponseLost ? 0 : 1;
      else if (kept.inFile < kept.onDisk) this.#inJournal += 1;
      else this.#inFile += 1;
    }
  }

  networkFailed(fault: string): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1);
  }

  loggedInAgain(): void {
    this.#logins += 1;
  }

  turnsServed(count: number): void {
    this.#turns += count;
  }

  harnessClosed(fakeUpstream: FakeUpstream): void {
    this.#tokenRequests += fakeUpstream.tokens.requests.length;
    this.#reuses += fakeUpstream.tokens.reuses;
  }

  toString(): string {
    const steps = refreshSteps.map((it) => `  ${it.padEnd(16)}${this.#steps.get(it) ?? 0}`);
    return [
      '',
      `${this.title}: ${this.kills} kills in ${Math.round((performance.now() - this.#beganAt) / 1_000)} s`,
      `  traced program ${this.#kills.traced}, dist/main.js ${this.#kills.plain}; during startup ${this.#killsInStart}`,
      `  during a traced refresh ${this.#killsInRefresh}`,
      'last refresh step of each account at a kill (traced program only; journal-cleared: between two refreshes)',
      ...steps,
      'place of the newest tokens of each account after a kill',
      `  credential file ${this.#inFile}, journal only ${this.#inJournal}, response lost with the process ${this.#responsesLost}`,
      `network faults ${sum(this.#faults.values())}`,
      ...[...this.#faults].map(([fault, count]) => `  ${String(count).padStart(4)} ${fault}`),
      `new logins ${this.#logins}, turns served ${this.#turns}, token requests ${this.#tokenRequests}, reuses ${this.#reuses}`,
      '',
    ].join('\n');
  }
}
