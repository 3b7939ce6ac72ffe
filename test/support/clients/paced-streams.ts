import { type ClientRequest, request } from 'node:http';
import type { AccountScript } from '../../../src/fake-upstream/script/account-script.js';
import { custom } from '../../../src/fake-upstream/script/responses.js';
import { created, delta, framed } from '../../../src/fake-upstream/script/turn-events.js';
import { aTurn } from '../pool/pool.js';

const EVERY_MS = 20;

/** How late events arrived, ms, from being written by upstream to being read by the client. */
export interface Lateness {
  readonly events: number;
  readonly p99: number;
  readonly max: number;
}

/** All turns of the account deliver an event every 20 ms, until the client leaves. */
export function pacedTurns(account: AccountScript): void {
  account.always(
    custom((_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(framed(created()));
      const timer = setInterval(() => res.write(framed(delta(`@${performance.now()}@`))), EVERY_MS);
      res.once('close', () => clearInterval(timer));
    }),
  );
}

/** Open paced turns. They measure how late each event arrives. */
export class PacedStreams implements Disposable {
  #late: number[] = [];
  #failure: Error | null = null;
  readonly #requests: ClientRequest[] = [];

  /** Opens turns at an address; resolves when each has delivered an event. */
  static async open(
    count: number,
    url: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<PacedStreams> {
    const streams = new PacedStreams();
    await Promise.all(Array.from({ length: count }, async () => await streams.#begin(url, headers)));
    return streams;
  }

  /** The lateness since the last call. @throws Error if a turn has ended */
  take(): Lateness {
    if (this.#failure !== null) throw this.#failure;
    const late = this.#late.toSorted((a, b) => a - b);
    this.#late = [];
    const at = (ratio: number) => late[Math.min(late.length - 1, Math.floor(late.length * ratio))] ?? 0;
    return { events: late.length, p99: at(0.99), max: at(1) };
  }

  [Symbol.dispose](): void {
    for (const it of this.#requests) it.destroy();
  }

  async #begin(url: string, headers: Readonly<Record<string, string>>): Promise<void> {
    const first = Promise.withResolvers<void>();
    const fail = (error: Error): void => {
      this.#failure ??= error;
      first.reject(error);
    };
    const sent = request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    });
    this.#requests.push(sent);
    sent.once('error', fail);
    sent.once('response', (response) => {
      if (response.statusCode !== 200) fail(new Error(`a paced turn got ${response.statusCode}`));
      response.setEncoding('utf8').on('data', (text: string) => {
        const now = performance.now();
        for (const [, at] of text.matchAll(/@([\d.]+)@/g)) {
          this.#late.push(now - Number(at));
          first.resolve();
        }
      });
      response.once('close', () => fail(new Error('a paced turn has ended')));
    });
    sent.end(JSON.stringify(aTurn()));
    await first.promise;
  }
}
