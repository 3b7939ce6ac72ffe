import type { Answered, Asked } from './storm-turn.js';
import { type Breach, breaches } from './judge.js';

const STORIES = 6;
const HOPELESS = 500;

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

/** The figures of a storm, and the stories of what went wrong in it. */
export class StormReport {
  readonly turns = new Tally();
  readonly refusals = new Tally();
  readonly breaches = new Tally();
  readonly #stories: { readonly breach: Breach; readonly story: string }[] = [];
  waitedMs = 0;
  requests = 0;
  failovers = 0;
  repeats = 0;
  readonly #beganAt = performance.now();

  constructor(private readonly title: string) {}

  get hasBreach(): boolean {
    return breaches.some((it) => this.breaches.of(it) > 0);
  }

  /** So much is wrong that more turns would tell nothing new. */
  get isHopeless(): boolean {
    return breaches.reduce((sum, it) => sum + this.breaches.of(it), 0) >= HOPELESS;
  }

  get stories(): readonly string[] {
    return this.#stories.map((it) => it.story);
  }

  storiesOf(breach: Breach): readonly string[] {
    return this.#stories.filter((it) => it.breach === breach).map((it) => it.story);
  }

  /** Counts it; true when it is one of the first of its kind, which are told in full. */
  breached(breach: Breach): boolean {
    this.breaches.add(breach);
    return this.breaches.of(breach) <= STORIES;
  }

  tell(breach: Breach, story: string): void {
    this.#stories.push({ breach, story });
  }

  answered({ attempts }: Asked, { poolError }: Answered): void {
    this.requests += 1;
    if (poolError !== null) this.refusals.add(poolError);
    for (const [index, attempt] of attempts.entries()) {
      if (index === 0) continue;
      if (attempts[index - 1]?.account === attempt.account) this.repeats += 1;
      else this.failovers += 1;
    }
  }

  told(more: Readonly<Record<string, unknown>>): string {
    const seconds = Math.round((performance.now() - this.#beganAt) / 1_000);
    return [
      '',
      `${this.title}: ${seconds} s`,
      `  turns: ${this.turns.toString()}`,
      `  requests ${this.requests}, failovers ${this.failovers}, repeats on the same account ${this.repeats}, seconds waited as told ${Math.round(this.waitedMs / 1_000)}`,
      `  refusals of the program's own: ${this.refusals.toString()}`,
      ...Object.entries(more).map(([name, it]) => `  ${name}: ${String(it)}`),
      ...breaches.map((it) => `  ${it}: ${this.breaches.of(it)}`),
      '',
    ].join('\n');
  }
}

/** Counts in one line, the highest first. */
export const list = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .toSorted((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

/** A request in one line. */
export function lineOf(
  { turn, request, attempts }: Asked,
  { status, poolError, account, isBroken }: Answered,
): string {
  const tries = attempts.map((it) => `${it.account} ${it.told}`).join(', ');
  const answer = `${status ?? 'nothing'}${isBroken ? ' broken' : ''} ${poolError ?? `of ${account ?? 'nobody'}`}`;
  return `turn ${turn}.${request}: ${tries}: ${answer}`;
}

/** One turn, as the account of what went wrong with it. */
export function storyOf(
  title: string,
  asked: Asked,
  answered: Answered,
  spells: readonly string[],
  decision: string,
): string {
  const { sentAt, session, owner, model, attempts } = asked;
  const since = (at: number): string => (at === Infinity ? 'never' : `${at - sentAt} ms`);
  return [
    title,
    `  turn ${asked.turn}, request ${asked.request}, ${session} on ${owner ?? 'no account'}, ${model}, sent at ${new Date(sentAt).toISOString()}`,
    ...asked.past.map((it) => `  before: ${it}`),
    ...attempts.map(
      (it) =>
        `  attempt ${it.mark} on ${it.account} after ${since(it.toldAt)}: ${it.told}${it.isStill ? ', still' : ''}`,
    ),
    `  answer after ${since(answered.at)}: ${answered.status ?? 'none'} ${answered.poolError ?? ''} from ${answered.account ?? 'nobody'}; ${JSON.stringify(answered.text)}`,
    ...spells.map((it) => `  ${it}`),
    `  its decision: ${decision}`,
  ].join('\n');
}
