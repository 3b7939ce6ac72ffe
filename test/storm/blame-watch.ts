import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { call } from '../support/clients/raw-http.js';
import { generalModels } from './sessions.js';
import type { StormReport } from './storm-report.js';
import type { UpstreamModel } from './upstream-model.js';

const POLL_MS = 100;
const BREACH = 'took an account out for a fault that was not its own';

const accountsSchema = z.array(
  z.object({ name: z.string(), available: z.boolean(), reason: z.string().nullable() }),
);

/** Compares the accounts that the admin API calls unavailable with the outages that upstream knows of. */
export class BlameWatch {
  checks = 0;
  #isStopped = false;

  constructor(
    private readonly upstream: UpstreamModel,
    private readonly report: StormReport,
    private readonly origin: () => string,
  ) {}

  /** Works until stopped. */
  async work(): Promise<void> {
    this.#isStopped = false;
    while (!this.#isStopped) {
      await this.#check();
      await pause(POLL_MS);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #check(): Promise<void> {
    const from = Date.now();
    const { body } = await call(this.origin(), { path: '/admin/accounts' });
    const to = Date.now();
    for (const { name, available, reason } of accountsSchema.parse(JSON.parse(body.toString()))) {
      this.checks += 1;
      const [model = ''] = generalModels;
      if (available || !this.upstream.outages.isCertainlyAvailable(name, model, from, to)) continue;
      if (this.report.countBreach(BREACH)) {
        const known = this.upstream.outages.describe(new Set([name]), to);
        this.report.addDetails(BREACH, [`${BREACH}: ${name} is ${reason ?? 'out'}`, ...known].join('\n  '));
      }
    }
  }
}
