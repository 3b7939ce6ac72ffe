import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { Agent as TlsAgent, request as requestTls } from 'node:https';
import { madeUpPlaceholderLogin } from '../../dist/fake-upstream/script/made-up-credentials.js';
import { turnRequest, turnRequests } from '../turn/request.mjs';
import { certificate } from '../upstream/certificate.mjs';

const TURN_TIMEOUT_MS = 30_000;
const MAX_SOCKETS = 4_096;
const ca = readFileSync(certificate.authorityFile);
const ways = {
  http: { request, newAgent: () => new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS }) },
  https: {
    request: requestTls,
    newAgent: () => new TlsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS, ca }),
  },
};
const agents = { http: ways.http.newAgent(), https: ways.https.newAgent() };
export const login = madeUpPlaceholderLogin();
const requests = new Map();
let next = 0;

/** A request of one of the sessions; the bodies of each kind are made once. */
export function nextRequest(kind) {
  if (!requests.has(kind)) requests.set(kind, turnRequests(login, kind));
  const known = requests.get(kind);
  return known[next++ % known.length];
}

/** The first request of a new session. */
export const newRequest = (kind) => turnRequest(login, kind, randomUUID());

/** Connections of its own for a task. */
export const newAgent = ({ scheme }) => ways[scheme].newAgent();

/** Sends a turn. `onResponse` gets the response and the time at which the request was sent. */
export function send(
  { port, scheme },
  query,
  { headers, body },
  { agent = agents[scheme], onResponse, onError },
) {
  const sentAt = performance.now();
  const path = `/v1/responses?${new URLSearchParams(query)}`;
  const sent = ways[scheme].request(
    { host: '127.0.0.1', port, agent, method: 'POST', path, headers },
    (response) => onResponse(response, sentAt),
  );
  sent.setTimeout(TURN_TIMEOUT_MS, () => sent.destroy(new Error('a turn was silent for too long')));
  sent.once('error', onError);
  sent.end(body);
  return sent;
}

const ignored = () => undefined;

/**
 * Runs a turn; resolves with the time until its first byte, ms. Without `bytes`, or with another status than expected,
 * it fails.
 */
export function turn(target, query, sent, { status = 200, bytes, agent, onChunk = ignored }) {
  const { promise, resolve, reject } = Promise.withResolvers();
  send(target, query, sent, {
    agent,
    onError: reject,
    onResponse: (response, sentAt) => {
      let received = 0;
      let firstByteMs = null;
      response.on('data', (chunk) => {
        const now = performance.now();
        firstByteMs ??= now - sentAt;
        received += chunk.length;
        onChunk(now, received, sentAt);
      });
      response.once('error', reject);
      response.once('end', () => {
        const isRight = response.statusCode === status && (bytes === undefined || received === bytes);
        if (isRight) resolve(firstByteMs);
        else reject(new Error(`a turn got ${response.statusCode} and ${received} of ${bytes} bytes`));
      });
    },
  });
  return promise;
}
