// A minimal reverse proxy in Node: its own http on both sides and a pipe. The lower bound for codex-pool's cost.
// Arguments: port, upstream's port, `https` if upstream speaks TLS.
import { Agent, createServer, request } from 'node:http';
import { Agent as TlsAgent, request as requestTls } from 'node:https';
import { connect } from 'node:net';

const [port, upstreamPort] = process.argv.slice(2, 4).map(Number);
const isTls = process.argv[4] === 'https';
const agent = new (isTls ? TlsAgent : Agent)({ keepAlive: true, maxSockets: 4_096 });
const send = isTls ? requestTls : request;

const server = createServer((req, res) => {
  const { method, url, headers } = req;
  const sent = send(
    { host: '127.0.0.1', port: upstreamPort, agent, method, path: url, headers },
    (response) => {
      res.writeHead(response.statusCode, response.headers);
      response.pipe(res);
      response.once('error', () => res.destroy());
    },
  );
  sent.once('error', () => res.destroy());
  res.once('close', () => sent.destroy());
  req.pipe(sent);
});

// A WebSocket is a tunnel: the request is repeated as it came, and the two sockets are piped into each other.
server.on('upgrade', ({ method, url, rawHeaders }, socket, head) => {
  const upstream = connect(upstreamPort, '127.0.0.1');
  const fields = rawHeaders.map((it, index) => (index % 2 === 0 ? `${it}: ` : `${it}\r\n`)).join('');
  upstream.write(`${method} ${url} HTTP/1.1\r\n${fields}\r\n`);
  upstream.write(head);
  upstream.pipe(socket).pipe(upstream);
  for (const [one, other] of [
    [upstream, socket],
    [socket, upstream],
  ])
    one.once('error', () => other.destroy());
});

server.listen(port, '127.0.0.1');
