import type { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import {
  edgeBlock,
  overloaded,
  rateLimit,
  unauthorized,
  usageLimit,
} from '../../../src/fake-upstream/script/refusals.js';
import {
  dropsConnection,
  failedFirst,
  hangs,
  refuses,
  streams,
} from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { created } from '../../../src/fake-upstream/script/turn-events.js';
import type { SeededRandom } from '../../support/seeded-random.js';

/** How upstream responds to the first attempt of a turn. Each further attempt is served. */
const plans = {
  served: (mark) => success(mark),
  paced: (mark) => success(mark, 5),
  'upstream error': () => refuses(500, { error: { code: 'server_error', message: 'made up' } }),
  overloaded: () => overloaded(),
  'overloaded first': () => failedFirst('server_is_overloaded'),
  'closed before the head': () => dropsConnection(),
  'breaks before output': () => streams({ events: [created()], thenCut: true }),
  'breaks after output': (mark) => streams({ deltas: [`${mark} 0`], thenReset: true }),
  'edge block': () => edgeBlock(),
  'rate limit': () => rateLimit(1),
  'usage limit': () => usageLimit({ resetsInSeconds: 2 }),
  'expired token': () => unauthorized(),
  'refused input': () => refuses(422, { error: { code: 'invalid_prompt', message: 'made up' } }),
  // Only for clients that leave.
  slow: (mark) => success(mark, 60),
  silent: () => hangs(),
} as const satisfies Record<string, (mark: string) => ScriptedResponse>;

export type Plan = keyof typeof plans;

/**
 * Relative frequency. An account is out for two seconds at most, and the pool has six, so another one can always take
 * over: the proxy must serve every turn.
 */
const weights: Readonly<Partial<Record<Plan, number>>> = {
  served: 40,
  paced: 40,
  'upstream error': 2,
  overloaded: 2,
  'overloaded first': 2,
  'closed before the head': 2,
  'breaks before output': 2,
  'breaks after output': 2,
  'edge block': 1,
  'rate limit': 1.5,
  'usage limit': 1,
  'expired token': 2,
  'refused input': 2,
};

const isPlan = (name: string): name is Plan => Object.hasOwn(plans, name);
const chosen = Object.keys(weights).filter(isPlan);
const total = chosen.reduce((sum, it) => sum + (weights[it] ?? 0), 0);
const PIECES = 12;
const marked = /<<turn (\d+) ([a-z ]+)>>/;

const markOf = (number: number): string => `turn-${number}`;
const pieceOf = (mark: string, index: number): string => `${mark} piece ${index}.`;

function success(mark: string, pauseBetweenMs = 0): ScriptedResponse {
  const deltas = Array.from({ length: PIECES }, (_, index) => pieceOf(mark, index));
  return streams({ deltas, pauseBetweenMs });
}

/** A turn whose text names the plan for upstream. */
export interface PlannedTurn {
  readonly number: number;
  readonly plan: Plan;
  readonly input: readonly object[];
}

/** Numbers the turns, and has the fake upstream respond to each as planned. */
export class TurnPlans {
  #last = 0;
  /** Turns that upstream has seen and that have not ended. */
  readonly #seen = new Set<number>();

  constructor(
    private readonly random: SeededRandom,
    fakeUpstream: FakeUpstream,
  ) {
    fakeUpstream.decides = ({ body }, scripted) => this.#decide(body, scripted);
    fakeUpstream.decidesOnSockets = ({ bytes }, scripted) =>
      scripted.kind === 'messages' ? scripted : this.#decide(bytes, scripted);
  }

  next(plan: Plan = this.#draw()): PlannedTurn {
    this.#last += 1;
    const text = `<<turn ${this.#last} ${plan}>> ${'x'.repeat(Math.floor(this.random.between(100, 20_000)))}`;
    return { number: this.#last, plan, input: [{ role: 'user', content: text }] };
  }

  ended({ number }: PlannedTurn): void {
    this.#seen.delete(number);
  }

  #draw(): Plan {
    let left = this.random.next() * total;
    return chosen.find((it) => (left -= weights[it] ?? 0) < 0) ?? 'served';
  }

  #decide(body: Buffer, scripted: ScriptedResponse): ScriptedResponse {
    if (scripted.kind === 'whole' && scripted.status === 401) return scripted; // its token is not valid
    const [, digits = '', plan = ''] = marked.exec(body.toString('utf8')) ?? [];
    if (!isPlan(plan)) throw new Error(`upstream received a turn that no client sent: ${body.toString()}`);
    const number = Number(digits);
    const isFirst = !this.#seen.has(number);
    this.#seen.add(number);
    return plans[isFirst ? plan : 'served'](markOf(number));
  }
}

/** Whether a response contains each piece of this turn's output, and its end. */
export function isWhole(text: string, { number }: PlannedTurn): boolean {
  const pieces = Array.from({ length: PIECES }, (_, index) => pieceOf(markOf(number), index));
  return text.includes('response.completed') && pieces.every((it) => text.includes(it));
}
