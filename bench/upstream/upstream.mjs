// The bench's upstream, in a separate process: cheap and deterministic.
import { createServer } from 'node:http';
import { responseEvents, wholeResponse } from '../turn/request.mjs';

const whole = wholeResponse();
const pacedAnswers = new Map();

/** Header fields like the backend's. The windows are far from full, so that every account can serve. */
const resetAt = Math.floor(Date.now() / 1_000) + 9_000;
const windowOf = (seconds) => ({
  used_percent: 4,
  limit_window_seconds: seconds,
  reset_after_seconds: 9_000,
  reset_at: resetAt,
});
const usage = JSON.stringify({
  plan_type: 'pro',
  rate_limit: {
    allowed: true,
    limit_reached: false,
    primary_window: windowOf(18_000),
    secondary_window: windowOf(604_800),
  },
});
const responseHead = {
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

function turn(url, res) {
  const { searchParams } = new URL(url, 'http://upstream');
  const everyMs = Number(searchParams.get('every') ?? 0);
  res.writeHead(200, responseHead);
  if (everyMs === 0) {
    // Each event is a separate chunk, as from a backend that flushes each one. All are sent at once (one write).
    for (const event of whole) res.write(event);
    res.end();
    return;
  }
  paced(res, pacedAnswer(Number(searchParams.get('events'))), everyMs);
}

function pacedAnswer(events) {
  const known = pacedAnswers.get(events);
  if (known !== undefined) return known;
  const made = responseEvents(Math.max(1, events - 5));
  pacedAnswers.set(events, made);
  return made;
}

/** Sends one event every `everyMs` by the clock, so that a late event does not delay the next. */
function paced(res, events, everyMs) {
  const startedAt = performance.now();
  let sent = 0;
  const next = () => {
    if (res.destroyed) return;
    res.write(events[sent]);
    sent += 1;
    if (sent === events.length) res.end();
    else setTimeout(next, Math.max(0, startedAt + sent * everyMs - performance.now()));
  };
  next();
}

function json(res, body) {
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(body);
}

const server = createServer((req, res) => {
  req.resume();
  req.once('end', () => {
    const path = req.url.split('?', 1)[0];
    if (req.method === 'POST' && path.endsWith('/responses')) turn(req.url, res);
    else if (path.endsWith('/usage')) json(res, usage);
    else if (path.endsWith('/models')) json(res, '{"models":[]}');
    else if (path.endsWith('/accounts/check')) json(res, '{"accounts":[]}');
    else json(res, '{}');
  });
});
server.keepAliveTimeout = 300_000;
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.once('disconnect', () => process.exit(0));
