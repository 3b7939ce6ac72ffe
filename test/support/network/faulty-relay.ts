import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A connection through the relay, both of its sides. */
interface Relayed {
  readonly client: Socket;
  readonly upstream: Socket;
  isSilent: boolean;
  /** Reset on the next bytes of the client, as by a server that has forgotten the connection. */
  isOld: boolean;
}

/**
 * A relay to upstream whose connections can be made to fail, each in the way of a real network: it stops forwarding
 * and keeps both sides open, as after a changed network or a NAT that forgot; it resets; it closes one direction; it
 * forwards late.
 */
export class FaultyRelay implements AsyncDisposable {
  readonly #open = new Set<Relayed>();
  #target = new URL('http://127.0.0.1:9');
  #delayMs = 0;
  #accepted = 0;
  #deliveredBytes = 0;
  #isListening = true;

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {
    server.on('connection', (socket) => this.#relay(socket));
  }

  static async start(): Promise<FaultyRelay> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the relay does not listen');
    return new FaultyRelay(server, address.port);
  }

  leadTo(target: string): void {
    this.#target = new URL(target);
  }

  /** The settings that send turns through this relay. */
  get env(): Record<string, string> {
    return { UPSTREAM_RESPONSES_BASE: `http://127.0.0.1:${this.port}/backend-api/codex` };
  }

  /** The number of connections ever accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Bytes of upstream that were forwarded. */
  get deliveredBytes(): number {
    return this.#deliveredBytes;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Stops forwarding on all connections that are open now, and returns their number; both sides stay open. */
  silence(): number {
    for (const it of this.#open) it.isSilent = true;
    return this.#open.size;
  }

  /** Expires all connections that are open now, and returns their number: the next bytes reset them. */
  age(): number {
    for (const it of this.#open) it.isOld = true;
    return this.#open.size;
  }

  /** Resets all connections that are open now. */
  reset(): void {
    for (const { client } of this.#open) client.resetAndDestroy();
  }

  /** Ends the direction to the client on all connections that are open now; the other one stays open. */
  halfClose(): void {
    for (const it of this.#open) {
      it.isSilent = true;
      it.client.end();
    }
  }

  /** Forwards each piece this much later, in both directions. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Refuses new connections, or accepts them again on the same port. */
  async accept(isOpen: boolean): Promise<void> {
    if (isOpen === this.#isListening) return;
    this.#isListening = isOpen;
    if (isOpen) {
      this.server.listen(this.port, '127.0.0.1');
      await once(this.server, 'listening');
    } else this.server.close(); // connections stay open
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client, upstream } of this.#open) {
      client.destroy();
      upstream.destroy();
    }
    if (this.#isListening) this.server.close();
  }

  #relay(client: Socket): void {
    this.#accepted += 1;
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    const it: Relayed = { client, upstream, isSilent: false, isOld: false };
    this.#open.add(it);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      let last = Promise.resolve();
      from.on('error', () => from.destroy());
      from.on('data', (bytes: Buffer) => {
        if (it.isOld && from === client) {
          client.resetAndDestroy();
          return;
        }
        const delayMs = this.#delayMs;
        const due = delayMs === 0 ? null : pause(delayMs);
        const write = () => {
          if (it.isSilent) return;
          if (from === upstream) this.#deliveredBytes += bytes.length;
          to.write(bytes);
        };
        if (due === null) write();
        else last = last.then(async () => await due).then(write);
      });
      from.once('end', () => {
        void last.then(() => {
          if (!it.isSilent) to.end();
        });
      });
      from.once('close', () => {
        if (it.isSilent && from === upstream) return; // as if the network had lost it
        this.#open.delete(it);
        to.destroy();
      });
    }
  }
}
