import { call } from '../support/clients/raw-http.js';
import type { Answered, Asked } from './storm-turn.js';
import type { Found } from './judge.js';
import type { Spells } from './outage-log.js';
import { type StormReport, storyOf } from './storm-report.js';

/** Brings what the judge finds into the report, with the story of the turn. */
export class Findings {
  /** What was found while a request was on its way: its decision can be asked for only when it has ended. */
  readonly #waiting = new Map<Asked, readonly Found[]>();
  readonly #telling: Promise<void>[] = [];

  constructor(
    private readonly report: StormReport,
    private readonly spells: Spells,
    private readonly origin: () => string,
  ) {}

  add(asked: Asked, found: readonly Found[]): void {
    if (found.length > 0) this.#waiting.set(asked, [...(this.#waiting.get(asked) ?? []), ...found]);
  }

  ended(asked: Asked, answered: Answered): void {
    const found = this.#waiting.get(asked) ?? [];
    this.#waiting.delete(asked);
    for (const it of found) {
      if (this.report.breached(it.breach)) this.#telling.push(this.#tell(it, asked, answered));
    }
  }

  /** Resolves when every story is in the report. */
  async told(): Promise<void> {
    await Promise.all(this.#telling);
  }

  async #tell({ breach, why }: Found, asked: Asked, answered: Answered): Promise<void> {
    const concerned = new Set([asked.owner, ...asked.attempts.map((it) => it.account)]);
    const spells = this.spells.told(concerned, Date.now());
    const decision = answered.id === null ? 'none' : await this.#decisionOf(answered.id);
    this.report.tell(breach, storyOf(`${breach}: ${why}`, asked, answered, spells, decision));
  }

  async #decisionOf(id: string): Promise<string> {
    try {
      return (await call(this.origin(), { path: `/admin/requests/${id}` })).body.toString();
    } catch (error) {
      return `not told: ${String(error)}`; // the process has been killed
    }
  }
}
