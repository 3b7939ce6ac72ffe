import { PREAMBLE_EVENTS, pacedFrames, shortFrames, wholeFrames } from '../turn/response.mjs';

/** Time at which the quota windows end: they are far from full, so that every account can serve. */
export const resetAt = Math.floor(Date.now() / 1_000) + 9_000;
/** Header fields like the backend's, which sends no content-type either (docs/protocol.md, section 4). */
const head = {
  'cache-control': 'no-cache',
  'x-codex-plan-type': 'pro',
  'x-codex-primary-used-percent': '4',
  'x-codex-primary-window-minutes': '300',
  'x-codex-primary-reset-at': String(resetAt),
  'x-codex-secondary-used-percent': '4',
  'x-codex-secondary-window-minutes': '10080',
  'x-codex-secondary-reset-at': String(resetAt),
  'x-request-id': '00000000-0000-4000-8000-000000000000',
};
/** The account can serve again before the next refusal, so that three accounts are enough. */
const REFUSED_SECONDS = '0.05';
const refusal = JSON.stringify({
  error: { type: 'rate_limit_exceeded', code: 'rate_limit_exceeded', message: 'Too many requests.' },
});

const whole = wholeFrames();
const few = Buffer.concat(whole);
const short = Buffer.concat(shortFrames());
const pacedResponses = new Map();
const refused = new Set();

function atOnce(res, body) {
  res.writeHead(200, { ...head, 'content-length': body.length });
  res.end(body);
}

/** One chunk per event, as from a backend that flushes each one. All are sent at once (one write). */
function chunks(res) {
  res.writeHead(200, head);
  for (const frame of whole) res.write(frame);
  res.end();
}

/** The first request of a session gets 429, the next one a response, and so on. */
function refusedFirst(res, _query, session) {
  if (refused.delete(session)) return atOnce(res, few);
  refused.add(session);
  res.writeHead(429, { 'content-type': 'application/json', 'retry-after': REFUSED_SECONDS });
  res.end(refusal);
}

function framesOfPaced(events) {
  const known = pacedResponses.get(events) ?? pacedFrames(events);
  pacedResponses.set(events, known);
  return known;
}

function preamble(res, frames) {
  res.writeHead(200, head);
  for (const frame of frames.slice(0, PREAMBLE_EVENTS)) res.write(frame);
}

/**
 * Sends the events up to the first output, then nothing for `quiet` ms, then one event every `every` ms. Each is sent by
 * the clock, so that a late event does not delay the next.
 */
function paced(res, query) {
  const [events, everyMs, quietMs] = ['events', 'every', 'quiet'].map((it) => Number(query.get(it)));
  const frames = framesOfPaced(events);
  preamble(res, frames);
  const startsAt = performance.now() + quietMs;
  let sent = PREAMBLE_EVENTS;
  const wait = () => startsAt + (sent - PREAMBLE_EVENTS) * everyMs - performance.now();
  const next = () => {
    if (res.destroyed) return;
    res.write(frames[sent]);
    sent += 1;
    if (sent === frames.length) res.end();
    else setTimeout(next, Math.max(0, wait()));
  };
  setTimeout(next, quietMs);
}

const shapes = {
  few: (res) => atOnce(res, few),
  short: (res) => atOnce(res, short),
  chunks,
  paced,
  refused: refusedFirst,
  /** Stays open until the client leaves. */
  idle: (res) => preamble(res, framesOfPaced(2)),
};

/** Sends the response that the query names. */
export function respond(req, res) {
  const query = new URL(req.url, 'http://upstream').searchParams;
  shapes[query.get('shape')](res, query, req.headers['session-id']);
}
