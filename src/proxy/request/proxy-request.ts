import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { limits } from '../../config/limits.js';
import { type BodyClaim, type BodyLimits, readBody, type RequestBody } from './request-body.js';
import { ClientLeaving } from './client-leaving.js';
import { BudgetClaim, type ReplayBudget } from './replay-budget.js';
import { type BodyFacts, modelAndEffortIn, noFacts } from './body-facts.js';
import { factsOf, inspectBody } from './body-inspection.js';
import { type ClientNames, type KnownNames, namesIn } from './client-names.js';
import { sessionKeyFromHeaders } from './session-key.js';
import { TurnMessage } from './turn-message.js';
import { metadataIn } from './turn-metadata.js';

const noBody: BodyClaim = {
  body: { kind: 'kept', bytes: Buffer.alloc(0) },
  [Symbol.dispose]: () => undefined,
};

/**
 * A client's request: a snapshot with its body read once, and the signal that the client has left. A turn on a
 * WebSocket is a request, too: it has the headers of the handshake, and a message in place of the body.
 */
export class ProxyRequest implements Disposable {
  readonly id = randomUUID();
  private readonly copies: BudgetClaim;

  private constructor(
    private readonly req: IncomingMessage,
    private readonly claim: BodyClaim,
    private readonly budget: ReplayBudget,
    /** The facts in its body; null until it has been read. Reading may fail for lack of room. */
    private facts: BodyFacts | null,
    /** Query with its question mark; empty without one. */
    readonly query: string,
    /** Hash of the session's name; null if the request names none. */
    readonly sessionKey: string | null,
    /** Aborted when the client leaves before its response is complete. */
    readonly gone: AbortSignal,
    /** Epoch ms. */
    readonly receivedAt: number,
    /** `performance.now()` when the body was complete, or known to be too large to keep. */
    readonly completeAt: number,
    private readonly turn: TurnMessage | null = null,
    private readonly leaving: ClientLeaving | null = null,
  ) {
    this.copies = new BudgetClaim(budget);
  }

  /** Reads the request. Rejects when the client leaves before its body is complete, or sends it too slowly. */
  static async read(
    req: IncomingMessage,
    res: ServerResponse,
    query: string,
    bounds: BodyLimits,
    budget: ReplayBudget,
  ): Promise<ProxyRequest> {
    const receivedAt = Date.now();
    const leaving = new ClientLeaving(res);
    const claim = await readBody(req, bounds, budget);
    const byHeader = sessionKeyFromHeaders(req.headers);
    const completeAt = performance.now();
    const needsBody = byHeader === null && claim.body.kind === 'kept' && claim.body.bytes.length > 0;
    const facts = needsBody ? await factsOf(claim.body.bytes, req.headers['content-encoding'], budget) : null;
    const sessionKey = byHeader ?? facts?.sessionKey ?? null;
    return new ProxyRequest(
      req,
      claim,
      budget,
      facts,
      query,
      sessionKey,
      leaving.gone,
      receivedAt,
      completeAt,
      null,
      leaving,
    );
  }

  /** A request for a WebSocket. It has no body. `gone`: aborted when the client's connection closes. */
  static ofUpgrade(
    req: IncomingMessage,
    query: string,
    budget: ReplayBudget,
    gone: AbortSignal,
  ): ProxyRequest {
    const session = sessionKeyFromHeaders(req.headers);
    return new ProxyRequest(req, noBody, budget, null, query, session, gone, Date.now(), performance.now());
  }

  /**
   * The request for a turn in a `response.create` message, on the WebSocket that another request asked for. A message
   * of more than `maxBytes` is not kept. `gone`: aborted when the client's socket closes.
   */
  static async ofMessage(
    { req, query, sessionKey }: ProxyRequest,
    message: Buffer,
    maxBytes: number,
    budget: ReplayBudget,
    gone: AbortSignal,
  ): Promise<ProxyRequest> {
    const [receivedAt, completeAt] = [Date.now(), performance.now()];
    const turn = await TurnMessage.read(message, sessionKey, maxBytes, budget);
    const { facts } = turn;
    const session = facts.sessionKey;
    return new ProxyRequest(req, noBody, budget, facts, query, session, gone, receivedAt, completeAt, turn);
  }

  /** `WEBSOCKET` for a turn in a message. */
  get method(): string {
    return this.turn === null ? (this.req.method ?? 'GET') : 'WEBSOCKET';
  }

  get headers(): IncomingHttpHeaders {
    return this.req.headers;
  }

  /** Whether Codex sends it: Codex names itself in `originator`. */
  get isFromCodex(): boolean {
    return this.header('originator') !== null;
  }

  /** Null if the request has no body. */
  get body(): RequestBody | null {
    const { body } = this.claim;
    if (this.turn !== null) return null;
    const hasBody =
      this.req.headers['content-length'] !== undefined || this.req.headers['transfer-encoding'] !== undefined;
    return hasBody ? body : null;
  }

  /** Whether the request can be sent again. */
  get isReplayable(): boolean {
    return this.turn?.isReplayable ?? this.claim.body.kind === 'kept';
  }

  /** The message that asks for the turn; null for any other request, and once it was let go. */
  get message(): Buffer | null {
    return this.turn?.bytes ?? null;
  }

  /** Whether it asks for a WebSocket. */
  get isHandshake(): boolean {
    return this.claim === noBody && this.turn === null;
  }

  /** Whether its message refers to a response that only the client's current socket knows. */
  get isContinuation(): boolean {
    return this.turn?.isContinuation ?? false;
  }

  /** Whether its message asks for no output. */
  get isPrewarm(): boolean {
    return this.turn?.isPrewarm ?? false;
  }

  get isCompressed(): boolean {
    return (this.contentEncoding ?? 'identity') !== 'identity';
  }

  /**
   * The model that the body names; null if it names none or cannot be read. Reads the body on the first call. A handshake
   * has no body: Codex names the model of its turns in the metadata.
   */
  async model(): Promise<string | null> {
    if (this.isHandshake) return modelAndEffortIn(this.header('x-codex-turn-metadata') ?? '').model;
    return (await this.bodyFacts()).model;
  }

  /** The names that are known before its body is read. */
  get knownNames(): KnownNames {
    return {
      frontEnd: this.header('originator'),
      // The metadata of a handshake describes no turn.
      metadata: this.turn === null ? this.header('x-codex-turn-metadata') : null,
      named: this.facts,
    };
  }

  /** For the records of an ended turn. Model and effort come from the turn metadata, or else from the body. */
  async names(): Promise<ClientNames> {
    const { frontEnd, metadata } = this.knownNames;
    const part = this.turn?.metadataPart ?? null;
    const own = part === null ? metadata : metadataIn(part);
    const isNamed = metadata !== null && modelAndEffortIn(metadata).model !== null;
    return namesIn({ frontEnd, metadata: own, named: isNamed ? null : await this.bodyFacts() });
  }

  /** Claims room for another copy of the body until the request ends; false if the process has none left. */
  holdMore(bytes: number): boolean {
    return this.copies.more(bytes);
  }

  /**
   * Returns what `read` finds in the plain bytes of the body, of which it must keep nothing. Null if the body was not
   * kept, or cannot be inflated within the budget of the process.
   */
  async look<T>(read: (plain: Buffer) => T | Promise<T>): Promise<T | null> {
    const bytes = this.keptBytes;
    return bytes === null ? null : inspectBody(bytes, this.contentEncoding, this.budget, read);
  }

  private async bodyFacts(): Promise<BodyFacts> {
    const bytes = this.keptBytes;
    if (bytes !== null) this.facts ??= await factsOf(bytes, this.contentEncoding, this.budget);
    return this.facts ?? noFacts;
  }

  private get keptBytes(): Buffer | null {
    const { body } = this.claim;
    if (this.turn !== null) return this.turn.bytes;
    return body.kind === 'kept' ? body.bytes : null;
  }

  private get contentEncoding(): string | undefined {
    return this.turn === null ? this.req.headers['content-encoding'] : undefined;
  }

  header(name: string): string | null {
    const value = this.req.headers[name];
    return typeof value === 'string' ? value : null;
  }

  /** Marks the response as delivered: a client that leaves from now on has all of it, so `gone` is not aborted. */
  delivered(): void {
    this.leaving?.ignore();
  }

  /**
   * Lets go of the message of a turn at the commit, after which it is not sent again. A body over HTTP stays until the
   * request ends, because the usage records may have to look into it.
   */
  letGo(): void {
    if (this.turn === null) return;
    this.turn.letGo();
    this.copies[Symbol.dispose]();
  }

  /**
   * Returns the room of the kept body. If a streaming body has not been read completely, discards the rest for up to
   * `limits.unreadBodyMs`: a client that is still sending would not read its response.
   */
  [Symbol.dispose](): void {
    this.claim[Symbol.dispose]();
    this.copies[Symbol.dispose]();
    this.turn?.[Symbol.dispose]();
    const { req } = this;
    if (this.claim.body.kind === 'kept' || req.readableEnded || req.destroyed) return;
    const timer = setTimeout(() => req.socket.destroy(), limits.unreadBodyMs);
    req
      .removeAllListeners('data')
      .once('close', () => clearTimeout(timer))
      .resume();
  }
}
