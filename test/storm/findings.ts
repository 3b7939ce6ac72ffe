import { call } from '../support/clients/raw-http.js';
import type { Finding } from './judge.js';
import type { OutageLog } from './outage-log.js';
import { describeBreach, type StormReport } from './storm-report.js';
import type { ClientRequest, ClientResponse } from './storm-turn.js';

/** Collects the findings of the judge and reports each with the details of its turn. */
export class Findings {
  /** Findings about requests under way. A request has a record only after its end. */
  readonly #pending = new Map<ClientRequest, readonly Finding[]>();
  readonly #reporting: Promise<void>[] = [];

  constructor(
    private readonly report: StormReport,
    private readonly outages: OutageLog,
    private readonly origin: () => string,
  ) {}

  add(request: ClientRequest, findings: readonly Finding[]): void {
    if (findings.length > 0) this.#pending.set(request, [...(this.#pending.get(request) ?? []), ...findings]);
  }

  requestEnded(request: ClientRequest, response: ClientResponse): void {
    const findings = this.#pending.get(request) ?? [];
    this.#pending.delete(request);
    for (const it of findings) {
      if (this.report.countBreach(it.breach)) this.#reporting.push(this.#describe(it, request, response));
    }
  }

  /** Resolves when the report contains all findings. */
  async reported(): Promise<void> {
    await Promise.all(this.#reporting);
  }

  async #describe(
    { breach, reason }: Finding,
    request: ClientRequest,
    response: ClientResponse,
  ): Promise<void> {
    const outages = this.outages.describe('all', Date.now());
    const record = response.id === null ? 'none' : await this.#recordOf(response.id);
    const title = `${breach}: ${reason}`;
    this.report.addDetails(breach, describeBreach(title, request, response, outages, record));
  }

  async #recordOf(id: string): Promise<string> {
    try {
      return (await call(this.origin(), { path: `/admin/requests/${id}` })).body.toString();
    } catch (error) {
      return `unavailable: ${String(error)}`; // the process was killed
    }
  }
}
