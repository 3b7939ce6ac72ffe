import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { limits } from '../limits.js';
import { type BodyClaim, readBody, type RequestBody } from './request-body.js';
import type { ReplayBudget } from './replay-budget.js';
import { effortIn, type ModelAndEffort, modelAndEffortIn, modelIn } from './model-and-effort.js';
import { inflated, readJson } from './request-json.js';
import { sessionKeyFromBody, sessionKeyFromHeaders } from './session-key.js';

/** A frozen picture of what a client asks, with its body read once, and the signal that it has left. */
export class ProxyRequest implements Disposable {
  readonly id = randomUUID();
  private json: Promise<unknown> | null = null;

  private constructor(
    private readonly req: IncomingMessage,
    private readonly claim: BodyClaim,
    /** Query with its question mark; empty without one. */
    readonly query: string,
    /** Hash of what names the session; null when nothing does. */
    readonly sessionKey: string | null,
    /** Aborted when the client leaves before its answer is complete. */
    readonly gone: AbortSignal,
    /** Epoch ms. */
    readonly receivedAt: number,
    /** `performance.now()` when the request was complete. */
    readonly completeAt: number,
  ) {}

  /** Reads the request. Rejects when the client leaves before its body is complete. */
  static async read(
    req: IncomingMessage,
    res: ServerResponse,
    query: string,
    maxBytes: number,
    budget: ReplayBudget,
  ): Promise<ProxyRequest> {
    const receivedAt = Date.now();
    const gone = goneSignal(res);
    const claim = await readBody(req, maxBytes, budget);
    let sessionKey = sessionKeyFromHeaders(req.headers);
    const completeAt = performance.now();
    if (sessionKey === null && claim.body.kind === 'kept' && claim.body.bytes.length > 0) {
      sessionKey = sessionKeyFromBody(await readJson(claim.body.bytes, req.headers['content-encoding']));
    }
    return new ProxyRequest(req, claim, query, sessionKey, gone, receivedAt, completeAt);
  }

  get method(): string {
    return this.req.method ?? 'GET';
  }

  get headers(): IncomingHttpHeaders {
    return this.req.headers;
  }

  /** Null when the request has none. */
  get body(): RequestBody | null {
    const { body } = this.claim;
    const hasBody =
      this.req.headers['content-length'] !== undefined || this.req.headers['transfer-encoding'] !== undefined;
    return hasBody ? body : null;
  }

  /** Whether the request can be sent again. */
  get isReplayable(): boolean {
    return this.claim.body.kind === 'kept';
  }

  /** The model that the body names; null when it names none, or cannot be looked into. Read only when asked for. */
  async model(): Promise<string | null> {
    const { body } = this.claim;
    if (body.kind !== 'kept') return null;
    this.json ??= readJson(body.bytes, this.req.headers['content-encoding']);
    return modelIn(await this.json);
  }

  /** The body without its content encoding; null when it was not kept, or cannot be inflated within the bound. */
  async inflatedBody(): Promise<Buffer | null> {
    const { body } = this.claim;
    if (body.kind !== 'kept') return null;
    try {
      return await inflated(body.bytes, this.req.headers['content-encoding']);
    } catch {
      return null; // damaged, or too large: upstream judges it
    }
  }

  /** For the record: from the turn's metadata, which Codex sends along as a header; else from the body. */
  async modelAndEffort(): Promise<ModelAndEffort> {
    const told = modelAndEffortIn(this.header('x-codex-turn-metadata') ?? '');
    if (told.model !== null) return told;
    const model = await this.model();
    return { model: model?.slice(0, 100) ?? null, effort: effortIn(await this.json) };
  }

  header(name: string): string | null {
    const value = this.req.headers[name];
    return typeof value === 'string' ? value : null;
  }

  /**
   * Gives back the room of the kept body. What upstream did not take of a body that was not kept is read
   * away, for a while: a client that still sends would not look at its answer.
   */
  [Symbol.dispose](): void {
    this.claim[Symbol.dispose]();
    const { req } = this;
    if (this.isReplayable || req.readableEnded || req.destroyed) return;
    const timer = setTimeout(() => req.socket.destroy(), limits.unreadBodyMs);
    req
      .removeAllListeners('data')
      .once('close', () => clearTimeout(timer))
      .resume();
  }
}

/** Aborts when the connection to the client ends before the whole answer was handed over. */
function goneSignal(res: ServerResponse): AbortSignal {
  const gone = new AbortController();
  res.once('close', () => {
    if (!res.writableFinished) gone.abort();
  });
  return gone.signal;
}
