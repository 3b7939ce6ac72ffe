import { readFileSync } from 'node:fs';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { RelayingServer } from './relaying-server.js';

const pathOf = (name: string) => fileURLToPath(new URL(`certificates/${name}`, import.meta.url));

/** A made-up authority, valid for 100 years. Its key is gone. */
export const CA_FILE = pathOf('ca.pem');

/** A certificate by that authority for `*.upstream.test`, `localhost` and 127.0.0.1. */
export const certificate = {
  cert: readFileSync(pathOf('server.pem')),
  key: readFileSync(pathOf('server-key.pem')),
};

/** TLS in front of a server that speaks none. */
export class TlsFront extends RelayingServer {
  private constructor() {
    const server = createServer(certificate);
    super(server);
    server.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy());
      this.join(socket, () => undefined);
    });
    server.on('tlsClientError', () => undefined);
  }

  static async start(target: string): Promise<TlsFront> {
    const front = await new TlsFront().listen();
    front.leadTo(target);
    return front;
  }
}
