// A minimal reverse proxy in Node: its own http on both sides and a pipe. The lower bound for codex-pool's cost.
import { Agent, createServer, request } from 'node:http';

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });

createServer((req, res) => {
  const { method, url, headers } = req;
  const sent = request(
    { host: '127.0.0.1', port: upstreamPort, agent, method, path: url, headers },
    (response) => {
      res.writeHead(response.statusCode, response.headers);
      response.pipe(res);
    },
  );
  sent.once('error', () => res.destroy());
  req.pipe(sent);
}).listen(port, '127.0.0.1');
