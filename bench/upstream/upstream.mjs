// The bench's upstream, in a separate process: cheap and deterministic, over HTTP and over TLS.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import { certificate } from './certificate.mjs';
import { acceptSocket } from './sockets.mjs';
import { resetAt, respond } from './turn-responses.mjs';

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
/** Turns that have not ended. */
let openTurns = 0;

function json(res, body) {
  res.writeHead(200, { 'content-type': 'application/json' });
  res.end(body);
}

/** Responds with the digest of the body as it arrived, for the check that bytes pass unchanged. */
function digest(req, res) {
  const hash = createHash('sha256');
  req.on('data', (chunk) => hash.update(chunk));
  req.once('end', () => json(res, JSON.stringify({ digest: hash.digest('hex') })));
}

function turn(req, res) {
  openTurns += 1;
  res.once('close', () => (openTurns -= 1));
  if (req.url.includes('shape=digest')) return digest(req, res);
  req.resume();
  req.once('end', () => respond(req, res));
}

function serve(req, res) {
  const path = req.url.split('?', 1)[0];
  if (req.method === 'POST' && path.endsWith('/responses')) return turn(req, res);
  req.resume();
  req.once('end', () => {
    if (path.endsWith('/usage')) json(res, usage);
    else if (path.endsWith('/models')) json(res, '{"models":[]}');
    else if (path.endsWith('/accounts/check')) json(res, '{"accounts":[]}');
    else json(res, '{}');
  });
}

function listen(server) {
  server.keepAliveTimeout = 300_000;
  server.on('upgrade', acceptSocket);
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', 4_096, () => resolve(server.address().port));
  });
}

const [cert, key] = [certificate.certFile, certificate.keyFile].map((it) => readFileSync(it));
const [port, tlsPort] = await Promise.all([
  listen(createServer(serve)),
  listen(createTlsServer({ cert, key }, serve)),
]);
process.send({ port, tlsPort });
process.on('message', () => process.send({ openTurns }));
process.once('disconnect', () => process.exit(0));
