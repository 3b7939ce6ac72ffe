import { call, turnWith } from '../../support/clients/raw-http.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { endsTurn, type SocketMessage, typeOf } from '../../support/clients/socket-message.js';
import { aTurn } from '../../support/pool/pool.js';

const HTTP_WORKERS = 4;
const SOCKET_WORKERS = 2;
const turn = turnWith(JSON.stringify(aTurn()));

/** Clients that send one turn after the other until the program stops. It must complete each turn that it has begun. */
export class TurnsUntilStop {
  /** Turns served. */
  served = 0;
  readonly failures: string[] = [];
  #running = HTTP_WORKERS + SOCKET_WORKERS;
  #isStopping = false;

  constructor(private readonly origin: string) {
    for (let worker = 0; worker < HTTP_WORKERS; worker += 1)
      void this.#untilStop(async () => await this.#http());
    for (let worker = 0; worker < SOCKET_WORKERS; worker += 1) void this.#socket();
  }

  /** Whether all clients have stopped. */
  get areOver(): boolean {
    return this.#running === 0;
  }

  /** From now on a turn may be refused. */
  stopping(): void {
    this.#isStopping = true;
  }

  /** Repeats a turn until it is not served. */
  async #untilStop(send: () => Promise<string | null>): Promise<void> {
    let refusal = await send();
    while (refusal === null) {
      this.served += 1;
      refusal = await send();
    }
    if (!this.#isStopping) this.failures.push(`a turn before the stop: ${refusal}`);
    this.#running -= 1;
  }

  /** Null if the turn was served, otherwise why not. */
  async #http(): Promise<string | null> {
    try {
      const { status, body, isBroken } = await call(this.origin, turn);
      const text = body.toString('utf8');
      if (status === 200 && !isBroken && text.includes('response.completed')) return null;
      if (status === 200) this.failures.push(`a turn was cut: ${text.slice(-300)}`);
      return `${status} ${text.slice(0, 300)}`;
    } catch (error) {
      return String(error); // refused, or closed before its head
    }
  }

  async #socket(): Promise<void> {
    let client: SocketClient | null = null;
    try {
      await this.#untilStop(async () => {
        let messages: SocketMessage[];
        try {
          client ??= await SocketClient.connect(this.origin);
          messages = await client.turn();
        } catch (error) {
          return String(error); // refused, closed, or without an end
        }
        const last = messages.at(-1);
        if (last !== undefined && typeOf(last) === 'response.completed') return null;
        const hasOutput = messages.some((it) => typeOf(it) === 'response.output_text.delta');
        if (hasOutput && !messages.some((it) => endsTurn(it)))
          this.failures.push(`a turn on a WebSocket was cut after ${messages.map(typeOf).join(', ')}`);
        return messages.map((it) => it.bytes.toString('utf8')).join(' ');
      });
    } finally {
      (client as SocketClient | null)?.cut();
    }
  }
}
