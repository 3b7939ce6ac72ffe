import { type Breach, breaches } from './judge.js';
import type { ClientRequest, ClientResponse } from './storm-turn.js';

/** Breaches of each kind that are reported with details. */
const MAX_DETAILS = 6;
/** With so many breaches, more turns would show nothing new. */
const MAX_BREACHES = 500;

export class Tally {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  toString(): string {
    return list(this.#counts);
  }
}

/** The figures of a storm, and the details of its breaches. */
export class StormReport {
  readonly turns = new Tally();
  readonly localResponses = new Tally();
  readonly breaches = new Tally();
  readonly #details: { readonly breach: Breach; readonly text: string }[] = [];
  waitedMs = 0;
  requests = 0;
  failovers = 0;
  sameAccountRetries = 0;
  readonly #startedAt = performance.now();

  constructor(private readonly title: string) {}

  get hasBreach(): boolean {
    return breaches.some((it) => this.breaches.of(it) > 0);
  }

  get hasTooManyBreaches(): boolean {
    return breaches.reduce((sum, it) => sum + this.breaches.of(it), 0) >= MAX_BREACHES;
  }

  get details(): readonly string[] {
    return this.#details.map((it) => it.text);
  }

  detailsOf(breach: Breach): readonly string[] {
    return this.#details.filter((it) => it.breach === breach).map((it) => it.text);
  }

  /** Counts a breach; returns whether to report its details, as for the first of each kind. */
  countBreach(breach: Breach): boolean {
    this.breaches.add(breach);
    return this.breaches.of(breach) <= MAX_DETAILS;
  }

  addDetails(breach: Breach, text: string): void {
    this.#details.push({ breach, text });
  }

  countResponse({ attempts }: ClientRequest, { poolError }: ClientResponse): void {
    this.requests += 1;
    if (poolError !== null) this.localResponses.add(poolError);
    for (const [index, attempt] of attempts.entries()) {
      if (index === 0) continue;
      if (attempts[index - 1]?.account === attempt.account) this.sameAccountRetries += 1;
      else this.failovers += 1;
    }
  }

  /** The whole report; `more` is added to its figures. */
  format(more: Readonly<Record<string, unknown>>): string {
    const seconds = Math.round((performance.now() - this.#startedAt) / 1_000);
    return [
      '',
      `${this.title}: ${seconds} s`,
      `  turns: ${this.turns.toString()}`,
      `  requests ${this.requests}, failovers ${this.failovers}, same-account retries ${this.sameAccountRetries}, announced waits ${Math.round(this.waitedMs / 1_000)} s`,
      `  local responses: ${this.localResponses.toString()}`,
      ...Object.entries(more).map(([name, it]) => `  ${name}: ${String(it)}`),
      ...breaches.map((it) => `  ${it}: ${this.breaches.of(it)}`),
      '',
    ].join('\n');
  }
}

/** Counts on one line, highest first. */
export const list = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

/** A request on one line. */
export function describeRequest(
  { turn, number, attempts, isContinuing }: ClientRequest,
  { status, poolError, account, isBroken, closeCode }: ClientResponse,
): string {
  const tries = attempts.map((it) => `${it.account} ${it.reply}`).join(', ');
  const source = poolError ?? `from ${account ?? 'no account'}`;
  const end = closeCode === null ? '' : ` closed with ${closeCode}`;
  const result = `${status ?? 'no response'}${isBroken ? ' broken' : ''} ${source}${end}`;
  return `turn ${turn}.${number}${isContinuing ? ' (continuation)' : ''}: ${tries}: ${result}`;
}

/** The details of a breach: the request, its attempts and response, the outages and the request record. */
export function describeBreach(
  title: string,
  request: ClientRequest,
  response: ClientResponse,
  outages: readonly string[],
  record: string,
): string {
  const { sentAt, session, lastAccount, model, isSocket, isContinuing, attempts } = request;
  const since = (at: number): string => (at === Infinity ? 'never' : `${at - sentAt} ms`);
  const end = response.closeCode === null ? '' : `, closed with ${response.closeCode}`;
  const source = `${response.poolError ?? ''} from ${response.account ?? 'no account'}${end}`;
  const way = `${isSocket ? 'WebSocket' : 'HTTP'}${isContinuing ? ' (continuation)' : ''}`;
  return [
    title,
    `  turn ${request.turn}, request ${request.number}, ${session} on ${lastAccount ?? 'no account'}, ${model}, ${way}, sent at ${new Date(sentAt).toISOString()}`,
    ...request.history.map((it) => `  before: ${it}`),
    ...attempts.map(
      (it) =>
        `  attempt ${it.mark} on ${it.account} after ${since(it.issuedAt)}: ${it.reply}${it.isPersistent ? ' (persistent)' : ''}`,
    ),
    `  response after ${since(response.at)}: ${response.status ?? 'none'} ${source}; ${JSON.stringify(response.text)}`,
    ...outages.map((it) => `  ${it}`),
    `  request record: ${record}`,
  ].join('\n');
}
