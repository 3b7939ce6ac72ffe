// The least that Node needs for a reverse proxy: its own http on both sides and a pipe. The floor of what codex-pool can cost.
import { Agent, createServer, request } from 'node:http';

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 1_024 });

createServer((req, res) => {
  const { method, url, headers } = req;
  const sent = request(
    { host: '127.0.0.1', port: upstreamPort, agent, method, path: url, headers },
    (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    },
  );
  sent.once('error', () => res.destroy());
  req.pipe(sent);
}).listen(port, '127.0.0.1');
