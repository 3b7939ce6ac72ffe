import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { creditsExhausted, edgePage, wrongPlace } from '../../src/fake-upstream/script/field-refusals.js';
import { imageEvents } from '../../src/fake-upstream/script/images.js';
import { deactivated, forbidden, rateLimit, usageLimit } from '../../src/fake-upstream/script/refusals.js';
import { refuses, streams } from '../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import { SeededRandom } from '../support/seeded-random.js';
import type { StormClient } from './storm-client.js';
import { type StormReport, Tally } from './storm-report.js';
import { errorOf } from './storm-turn.js';

const REQUEST_RATIO = 0.08;
const REFUSAL_RATIO = 0.5;
const name = /<<image (\d+)>>/;

/** Upstream's refusals of an image. None of them concerns turns. */
const refusals: readonly (() => ScriptedResponse)[] = [
  () => usageLimit({ resetsInSeconds: 1 }),
  () => rateLimit(),
  () => rateLimit(1),
  () => forbidden(),
  () => wrongPlace(),
  () => edgePage(429, { retryAfter: 3_600 }),
  () => edgePage(503),
  () => refuses(500, { error: { code: 'server_error', message: 'made up' } }),
  () => creditsExhausted('credit_balance_exhausted', 402),
  () => deactivated('payment_required'),
];

interface ImageAttempts {
  readonly served: string[];
  count: number;
}

/** Image requests of the sessions, in addition to their turns. Upstream refuses half of their attempts. */
export class ImageRequests {
  readonly counts = new Tally();
  readonly #attempts = new Map<string, ImageAttempts>();
  #last = 0;

  constructor(
    fakeUpstream: FakeUpstream,
    private readonly seed: number,
    private readonly client: StormClient,
    private readonly report: StormReport,
  ) {
    fakeUpstream.decidesImages = ({ body }, scripted) =>
      scripted.kind === 'whole' && scripted.status === 401 ? scripted : this.#decide(body.toString());
  }

  /** Whether a request of this session comes before a turn. Sessions of uncertain history have none. */
  isDue(turn: number): boolean {
    return this.#random(turn, 0).happens(REQUEST_RATIO);
  }

  async send(session: string): Promise<void> {
    this.#last += 1;
    const number = String(this.#last);
    const attempts: ImageAttempts = { served: [], count: 0 };
    this.#attempts.set(number, attempts);
    const { status, isBroken, text } = await this.client.image(session, `<<image ${number}>>`);
    if (status === null) return; // the program was killed
    const [served, ...again] = attempts.served;
    this.counts.add(served === undefined ? `refused ${status}` : 'served');
    if (again.length > 0)
      this.#breach('retried after output', `image ${number} was made ${again.length + 1} times`);
    if (served !== undefined && (status !== 200 || isBroken || !text.includes(served)))
      this.#breach(
        'against the failover table',
        `image ${number} was made, but the client got ${status}: ${text}`,
      );
    if (status === 401) this.#breach('against the failover table', `image ${number} got a 401`);
  }

  #decide(body: string): ScriptedResponse {
    const number = name.exec(body)?.[1] ?? '';
    const attempts = this.#attempts.get(number);
    if (attempts === undefined) throw new Error('received an image request that the client never sent');
    attempts.count += 1;
    const random = this.#random(Number(number), attempts.count);
    const refusal = refusals[Math.floor(random.next() * refusals.length)];
    if (random.happens(REFUSAL_RATIO) && refusal !== undefined) return refusal();
    const mark = errorOf(`image ${number}.${attempts.count}`);
    attempts.served.push(mark);
    if (random.happens(0.3)) return refuses(200, { created: 1, data: [{ b64_json: mark }] });
    const headers = random.happens(0.5) ? { 'content-type': 'text/event-stream' } : {};
    return streams({ events: [...imageEvents(), { type: 'image_generation.mark', mark }], headers });
  }

  #random(number: number, nth: number): SeededRandom {
    return new SeededRandom(this.seed ^ Math.imul(number + 1, 0xc2b2ae35) ^ Math.imul(nth + 7, 0x27d4eb2f));
  }

  #breach(breach: 'retried after output' | 'against the failover table', text: string): void {
    if (this.report.countBreach(breach)) this.report.addDetails(breach, `${breach}: ${text}`);
  }
}
