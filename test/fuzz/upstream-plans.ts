import type { IncomingMessage, ServerResponse } from 'node:http';
import { Exchange } from '../../src/fake-upstream/http/exchange.js';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { custom } from '../../src/fake-upstream/script/responses.js';
import type { LoggedRequest } from '../../src/fake-upstream/script/request-log.js';

/** Upstream's treatment of one request. */
export type Plan = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

/** The side routes with plans. The other routes are served as by any fake upstream. */
export const sidePaths = [
  ['GET', '/backend-api/wham/settings/user'],
  ['POST', '/backend-api/files'],
  ['GET', '/backend-api/ps/fuzz'],
  ['GET', '/backend-api/wham/config/bundle'],
  ['POST', '/backend-api/codex/responses/compact'],
] as const;

/** Upstream's odd answers: each session has a plan, and a request without one is served well. */
export class UpstreamPlans {
  readonly #plans = new Map<string, Plan>();
  readonly #routePlans = new Map<string, Plan | null>();

  constructor(private readonly fakeUpstream: FakeUpstream) {
    fakeUpstream.decides = (turn, scripted) => this.#custom(turn) ?? scripted;
    fakeUpstream.decidesImages = (turn, scripted) => this.#custom(turn) ?? scripted;
    fakeUpstream.decidesHandshakes = (turn, scripted) => this.#custom(turn) ?? scripted;
    for (const [method, path] of sidePaths) {
      fakeUpstream.on(method, path, async (req, res, logged) => {
        const plan = this.#planOf(logged);
        if (plan === null) res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
        else await plan(req, res);
      });
    }
  }

  set(session: string, plan: Plan): void {
    this.#plans.set(session, plan);
  }

  /**
   * Sets upstream's answer to a request that the program makes itself. Null: the usual answer of the token endpoint,
   * and an empty object for any other route.
   */
  setRoute(method: string, path: string, plan: Plan | null): void {
    const route = `${method} ${path}`;
    if (!this.#routePlans.has(route)) {
      this.fakeUpstream.on(method, path, async (req, res, logged) => {
        const current = this.#routePlans.get(route) ?? null;
        if (current === null && path === '/oauth/token')
          await this.fakeUpstream.tokens.serve(new Exchange(req, res, logged));
        else if (current === null) res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
        else await current(req, res);
      });
    }
    this.#routePlans.set(route, plan);
  }

  #custom(logged: LoggedRequest): ReturnType<typeof custom> | null {
    const plan = this.#planOf(logged);
    return plan === null ? null : custom(plan);
  }

  #planOf({ headers }: LoggedRequest): Plan | null {
    const session = headers['session-id'];
    return typeof session === 'string' ? (this.#plans.get(session) ?? null) : null;
  }
}
