import type { IncomingMessage } from 'node:http';
import type { ErrorEnvelope } from '../outcome/error-envelope.js';
import { mentionsModel } from '../outcome/model-refusal.js';
import { type AskedRequest, type AttemptOutcome, classify } from '../outcome/outcome.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { type Attempted, unreachable } from './attempted.js';
import type { Destination } from './request-builder.js';
import { isReadable, type PeekedResponse, peekForOutput, readRefusalBody } from './response-peek.js';

/** Reads a response over HTTP as far as its meaning needs. `now`: the clock, epoch ms. */
export async function readResponse(
  request: ProxyRequest,
  response: IncomingMessage,
  to: Destination,
  sent: Attempted,
  now: () => number,
): Promise<Attempted> {
  const route = routeOf(to);
  const askedBy = async (envelope: ErrorEnvelope | null): Promise<AskedRequest> => ({
    route,
    model: mentionsModel(envelope) ? await request.model() : null,
  });
  const facts = { status: response.statusCode ?? 0, headers: response.headers };
  // On the path of turns, a success without a WebSocket is no response; elsewhere, the client sees what it is.
  const isNoSocket = to.socket !== null && to.isTurn && facts.status < 300;
  const isNone = facts.status < 200 || facts.status > 599 || isNoSocket;
  if (isNone) {
    response.destroy();
    const error = new Error(`upstream responded with status ${facts.status}`);
    return { ...sent, outcome: unreachable(error, false) };
  }
  const done = (outcome: AttemptOutcome, peeked: PeekedResponse) => ({
    ...sent,
    ...facts,
    outcome,
    peeked,
  });
  if (facts.status >= 400) {
    const refusal = await readRefusalBody(response);
    const asked = await askedBy(refusal.envelope);
    const { envelope, isHtml } = refusal;
    const refused = { ...facts, envelope, isHtml, isFirstEvent: false };
    return done(classify(refused, asked, now()), refusal);
  }
  const asItIs = classify({ ...facts, envelope: null, isFirstEvent: false }, { route, model: null }, now());
  if (!to.isTurn || facts.status >= 300 || !isReadable(response))
    return done(asItIs, { response, head: [], isEventStream: false });
  const peek = await peekForOutput(response, route === 'images');
  if (peek.kind === 'broken') return { ...sent, outcome: unreachable(peek.error, false) };
  const peeked = { response, head: peek.head, isEventStream: peek.kind !== 'plain' };
  if (peek.kind === 'plain') return done(asItIs, peeked);
  if (peek.kind === 'output') return done({ kind: 'success' }, peeked);
  const asked = await askedBy(peek.envelope);
  return done(classify({ ...facts, envelope: peek.envelope, isFirstEvent: true }, asked, now()), peeked);
}

/** Image requests take the same path as turns, but have limits and errors of their own. */
export function routeOf({ isTurn, path }: Destination): AskedRequest['route'] {
  if (!isTurn) return 'other';
  return path.startsWith('images/') ? 'images' : 'turn';
}
