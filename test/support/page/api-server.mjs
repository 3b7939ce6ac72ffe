// Its types are beside it: the page's specs are checked without the types of Node.
import { once } from 'node:events';
import { createServer } from 'node:http';

const PATIENCE_MS = 5_000;

class AskedOfApi {
  #req;
  #res;
  #closed;

  constructor(req, res) {
    this.#req = req;
    this.#res = res;
    this.#closed = once(res, 'close');
  }

  get path() {
    return this.#req.url;
  }

  responds(body, { status = 200, next = '', warning = '' } = {}) {
    if (next !== '') this.#res.setHeader('link', `<${next}>; rel="next"`);
    if (warning !== '') this.#res.setHeader('x-codex-pool-warning', warning);
    this.#res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }

  refuses(status, code, detail) {
    this.responds({ type: 'about:blank', title: code, status, code, detail }, { status });
  }

  cuts() {
    this.#req.socket.destroy();
  }

  async isOver() {
    await this.#closed;
  }
}

export class ApiServer {
  #server;
  #fetchBefore = globalThis.fetch;
  #asked = [];
  #arrive = () => undefined;
  count = 0;

  constructor(server) {
    this.#server = server;
    server.on('request', (req, res) => {
      this.count += 1;
      this.#asked.push(new AskedOfApi(req, res));
      this.#arrive();
    });
    const origin = `http://127.0.0.1:${server.address().port}`;
    globalThis.fetch = (path, init) => this.#fetchBefore(new URL(path, origin), init);
  }

  static async start() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ApiServer(server);
  }

  async next() {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const next = this.#asked.shift();
      if (next !== undefined) return next;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`no request has come within ${PATIENCE_MS} ms`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#arrive = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async close() {
    globalThis.fetch = this.#fetchBefore;
    const closed = once(this.#server.close(), 'close');
    this.#server.closeAllConnections();
    await closed;
  }
}
