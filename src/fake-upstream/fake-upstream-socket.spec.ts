import { describe, expect, it } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import { controlled } from './script/controlled-turn.js';
import { dropsConnection, failedFirst, hangs, refuses, streams } from './script/responses.js';
import { deactivated, edgeBlock, overloaded, rateLimit, usageLimit } from './script/refusals.js';
import { errorEvent, eventOfBytes } from './websocket/events.js';
import {
  accepts,
  binary,
  closes,
  messages,
  messagesThen,
  resetsConnection,
  slowMessages,
} from './script/socket-script.js';
import { FakeUpstream } from './fake-upstream.js';
import { completed, created, delta, failed } from './script/turn-events.js';

const PATH = '/backend-api/codex/responses';

interface Came {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** A bare `ws` client that records what it receives. */
class Client {
  readonly came: Came[] = [];
  readonly pings: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #wake: () => void = () => undefined;

  constructor(readonly ws: WebSocket) {
    ws.on('error', () => undefined);
    ws.on('message', (data: unknown, isBinary) => {
      if (Buffer.isBuffer(data)) this.came.push({ bytes: data, isBinary });
      this.#wake();
    });
    ws.on('ping', (payload) => this.pings.push(payload.toString()));
    this.closed = new Promise((resolve) => {
      ws.once('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    void this.closed.then(() => this.#wake());
  }

  create(fields: object = {}): void {
    this.ws.send(JSON.stringify({ type: 'response.create', model: 'gpt-5.5', input: [], ...fields }));
  }

  get events(): { type: string; [field: string]: unknown }[] {
    return this.came.map((it) => JSON.parse(it.bytes.toString('utf8')));
  }

  get types(): string[] {
    return this.events.map((it) => it.type);
  }

  /** Resolves when this many messages have arrived, or the socket has closed. */
  async gets(count: number): Promise<void> {
    while (this.came.length < count && this.ws.readyState === WebSocket.OPEN) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }
}

function dial(fakeUpstream: FakeUpstream, name: string, options: ClientOptions = {}): WebSocket {
  const token = fakeUpstream.account(name).authJson().tokens.access_token;
  const headers = { authorization: `Bearer ${token}`, ...options.headers };
  return new WebSocket(fakeUpstream.origin.replace('http', 'ws') + PATH, {
    maxPayload: 0,
    ...options,
    headers,
  });
}

async function open(fakeUpstream: FakeUpstream, name = 'a', options: ClientOptions = {}): Promise<Client> {
  const client = new Client(dial(fakeUpstream, name, options));
  await new Promise((resolve, reject) => {
    client.ws.once('open', resolve);
    client.ws.once('error', reject);
  });
  return client;
}

/** Status and body of a refused handshake, or the error of a broken connection. */
async function refused(
  fakeUpstream: FakeUpstream,
  options: ClientOptions = {},
): Promise<{ status: number; text: string }> {
  const ws = dial(fakeUpstream, 'a', options);
  return new Promise((resolve) => {
    ws.once('error', (error) => resolve({ status: 0, text: String(error) }));
    ws.once('unexpected-response', (_req, res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      res.once('end', () => resolve({ status: res.statusCode ?? 0, text }));
    });
  });
}

describe('handshakes', () => {
  it('accepts a handshake with the header fields of a turn, and logs it with 101', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream
      .account('a')
      .turnState('state-1')
      .sockets.handshakes(accepts({ headers: { 'x-own': 'yes' } }));
    const metadata = { 'x-codex-turn-metadata': '{"model":"gpt-5.5"}' };
    const ws = dial(fakeUpstream, 'a', { headers: metadata });
    const headers = await new Promise((resolve) => {
      ws.once('upgrade', (res) => resolve(res.headers));
    });
    expect(headers).toMatchObject({
      'x-codex-primary-used-percent': '4',
      'x-models-etag': fakeUpstream.models.etag,
      'x-codex-turn-state': 'state-1',
      'openai-model': 'gpt-5.5',
      'x-own': 'yes',
      date: expect.any(String),
    });
    expect(fakeUpstream.handshakes()).toMatchObject([{ account: 'a', status: 101, closedEarly: false }]);
    await fakeUpstream.untilIdle();
    expect(fakeUpstream.sockets.open).toBe(1);
    expect(fakeUpstream.turns()).toEqual([]);
  });

  it("refuses an unknown token, an expired token and another account's id", async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    expect(await refused(fakeUpstream, { headers: { authorization: 'Bearer unknown' } })).toMatchObject({
      status: 401,
    });
    expect(await refused(fakeUpstream, { headers: { 'chatgpt-account-id': 'other' } })).toMatchObject({
      status: 403,
    });
    fakeUpstream.account('a').expireAccessToken();
    expect(await refused(fakeUpstream)).toMatchObject({ status: 401 });
    expect(fakeUpstream.handshakes().map((it) => it.status)).toEqual([401, 403, 401]);
    expect(fakeUpstream.sockets.list).toEqual([]);
    await fakeUpstream.untilIdle();
  });

  it('refuses with each queued response once, then accepts', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const responses = [
      usageLimit(),
      rateLimit(3),
      deactivated(),
      edgeBlock(),
      refuses(426, ''),
      overloaded(),
    ];
    fakeUpstream.account('a').sockets.handshakes(...responses);
    const statuses: number[] = [];
    for (const response of responses) {
      const { status, text } = await refused(fakeUpstream);
      expect(text).toBe(response.body.toString());
      statuses.push(status);
    }
    expect(statuses).toEqual([429, 429, 402, 403, 426, 503]);
    await open(fakeUpstream);
    expect(fakeUpstream.sockets.open).toBe(1);
  });

  it('drops, resets or stays silent, and notices that the client leaves', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream.account('a').sockets.handshakes(dropsConnection(), resetsConnection(), hangs());
    expect((await refused(fakeUpstream)).text).toContain('hang up');
    expect((await refused(fakeUpstream)).text).toContain('ECONNRESET');
    const silent = dial(fakeUpstream, 'a');
    silent.on('error', () => undefined);
    await fakeUpstream.until((log) => log.length === 3);
    expect(fakeUpstream.inFlight()).toBe(1);
    silent.terminate();
    await fakeUpstream.untilIdle();
    expect(fakeUpstream.handshakes().at(-1)).toMatchObject({ status: null, closedEarly: true });
  });

  it('accepts late when scripted to', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const gate = Promise.withResolvers<void>();
    fakeUpstream.account('a').sockets.handshakes(accepts({ after: gate.promise }));
    const opening = open(fakeUpstream);
    await fakeUpstream.until((log) => log.length === 1);
    expect(fakeUpstream.handshakes()).toMatchObject([{ status: null }]);
    gate.resolve();
    expect((await opening).ws.readyState).toBe(WebSocket.OPEN);
  });

  it('has no socket on another path', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const headers = { authorization: `Bearer ${fakeUpstream.account('a').authJson().tokens.access_token}` };
    for (const [path, expected] of [
      ['/backend-api/wham/usage', 200],
      ['/backend-api/other', 404],
    ] as const) {
      const ws = new WebSocket(fakeUpstream.origin.replace('http', 'ws') + path, { headers });
      ws.once('error', () => undefined);
      const status = await new Promise((resolve) => {
        ws.once('open', () => resolve(101));
        ws.once('unexpected-response', (_req, res) => resolve(res.statusCode));
      });
      expect(status).toBe(expected);
      ws.terminate();
    }
  });

  it('accepts permessage-deflate when offered, unless scripted otherwise', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a', 'b'] });
    fakeUpstream.account('b').sockets.deflates = false;
    expect((await open(fakeUpstream, 'a')).ws.extensions).toBe('permessage-deflate');
    expect((await open(fakeUpstream, 'a', { perMessageDeflate: false })).ws.extensions).toBe('');
    expect((await open(fakeUpstream, 'b')).ws.extensions).toBe('');
    expect(fakeUpstream.sockets.list.map((it) => it.isDeflated)).toEqual([true, false, false]);
  });
});

describe('turns on a socket', () => {
  it('prewarms, then serves a message that continues from it, and logs both', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream.account('a').turnState('state-1');
    const client = await open(fakeUpstream);
    client.create({ generate: false });
    await client.gets(2);
    expect(client.types).toEqual(['response.created', 'response.completed']);
    const { id } = Object(client.events[1]?.['response']);
    client.create({ previous_response_id: id, extra: 'ü' });
    await client.gets(13);
    expect(client.events[2]).toMatchObject({
      type: 'codex.rate_limits',
      plan_type: 'plus',
      rate_limits: { primary: { used_percent: 4, window_minutes: 300, reset_at: expect.any(Number) } },
    });
    expect(client.types[3]).toBe('response.created');
    expect(client.events[4]).toMatchObject({
      type: 'response.metadata',
      headers: { 'x-codex-turn-state': 'state-1' },
    });
    expect(client.came.map((it) => it.bytes.toString()).join('')).toContain('"text":"served by a"');
    expect(client.types.at(-1)).toBe('response.completed');
    await fakeUpstream.untilIdle();
    expect(fakeUpstream.sockets.prewarms()).toMatchObject([{ id: 1, account: 'a', isPrewarm: true }]);
    const [turn] = fakeUpstream.sockets.turns();
    expect(turn?.message).toMatchObject({ previous_response_id: id, extra: 'ü' });
    expect(turn?.bytes.toString()).toContain('"extra":"ü"');
    expect(turn?.socket).toBe(fakeUpstream.sockets.list[0]);
    expect(turn?.endedAt).toEqual(expect.any(Number));
    expect(fakeUpstream.sockets.attempts()).toEqual(['a']);
  });

  it('refuses an id that another socket has issued, unless scripted otherwise', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const response = messages(completed(undefined, 'resp_1'));
    fakeUpstream.account('a').sockets.answers(response, response, response);
    const first = await open(fakeUpstream);
    first.create();
    await first.gets(1);
    const second = await open(fakeUpstream);
    second.create({ previous_response_id: 'resp_1' });
    await second.gets(1);
    expect(second.events[0]).toMatchObject({
      type: 'error',
      status: 400,
      error: { code: 'previous_response_not_found' },
    });
    fakeUpstream.account('a').sockets.knowsItsResponses = false;
    second.create({ previous_response_id: 'resp_1' });
    await second.gets(2);
    expect(second.types[1]).toBe('response.completed');
  });

  it('falls back to the responses to any turn when its own are used up, and sends a refusal as an error message', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream
      .account('a')
      .answers(
        usageLimit({ resetsAt: 1_900_000_000, headers: { 'x-more': '1' } }),
        edgeBlock(),
        failedFirst('x'),
      )
      .sockets.answers(messages(errorEvent(429, { type: 'own' })));
    const client = await open(fakeUpstream);
    for (let sent = 0; sent < 4; sent += 1) client.create();
    await client.gets(7);
    expect(client.events).toMatchObject([
      { type: 'error', status: 429, error: { type: 'own' } },
      {
        type: 'error',
        status: 429,
        error: { type: 'usage_limit_reached', resets_at: 1_900_000_000 },
        headers: { 'x-more': '1' },
      },
      { type: 'error', status: 403, error: { message: expect.stringContaining('Blocked') } },
      { type: 'codex.rate_limits' },
      { type: 'response.created' },
      { type: 'response.metadata' },
      { type: 'response.failed', response: { error: { code: 'x' } } },
    ]);
  });

  it('sends exactly the scripted messages, valid or not', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const text = Buffer.from('{ "not" : "ours" }');
    const steps = [
      failed('usage_limit_reached'),
      { bytes: text },
      binary(Buffer.of(0, 255)),
      { ping: Buffer.from('p') },
    ];
    fakeUpstream.account('a').sockets.answers(messages(...steps, eventOfBytes(3 * 1_024 * 1_024)));
    const client = await open(fakeUpstream);
    client.create();
    await client.gets(4);
    expect(client.came[0]?.bytes.toString()).toContain('"code":"usage_limit_reached"');
    expect(client.came[1]).toEqual({ bytes: text, isBinary: false });
    expect(client.came[2]).toEqual({ bytes: Buffer.of(0, 255), isBinary: true });
    expect(client.came[3]?.bytes.length).toBe(3 * 1_024 * 1_024);
    await fakeUpstream.until(() => fakeUpstream.sockets.list[0]?.pongs.length === 1, 'the pong');
    expect(client.pings).toEqual(['p']);
  });

  it('pauses between messages, and closes in the middle with any code', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream
      .account('a')
      .sockets.answers(slowMessages(60, created(), delta('half'), closes(1013, 'later'), delta('no')));
    const client = await open(fakeUpstream);
    const before = performance.now();
    client.create();
    expect(await client.closed).toEqual({ code: 1013, reason: 'later' });
    expect(performance.now() - before).toBeGreaterThan(110);
    expect(client.types).toEqual(['response.created', 'response.output_text.delta']);
    await fakeUpstream.untilIdle();
    expect(fakeUpstream.sockets.open).toBe(0);
  });

  it('cuts and resets the connection after the pending messages', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream
      .account('a')
      .sockets.answers(messagesThen('cut', created()), messagesThen('reset', created()));
    for (const _ending of ['cut', 'reset']) {
      const client = await open(fakeUpstream);
      client.create();
      expect(await client.closed).toMatchObject({ code: 1006 });
    }
    await fakeUpstream.untilIdle();
    expect(fakeUpstream.sockets.list.map((it) => it.closeCode)).toEqual([1006, 1006]);
  });

  it('continues without end when scripted to, and notices how the client leaves', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream.account('a').sockets.always(messagesThen('hang', created()));
    const [polite, rude] = [await open(fakeUpstream), await open(fakeUpstream)];
    polite.create();
    rude.create();
    await Promise.all([polite.gets(1), rude.gets(1)]);
    expect(fakeUpstream.inFlight()).toBe(2);
    polite.ws.close(1001, 'going');
    rude.ws.terminate();
    await fakeUpstream.untilIdle();
    expect(fakeUpstream.sockets.list).toMatchObject([
      { closeCode: 1001, closeReason: 'going' },
      { closeCode: 1006, closeReason: '' },
    ]);
  });

  it('serves one turn after the other, or both at once when scripted to', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const script = fakeUpstream.account('a').sockets;
    for (const interleaves of [false, true]) {
      script.interleaves = interleaves;
      const first = controlled();
      script.answers(first.response, messages(delta('of the second'), completed()));
      const client = await open(fakeUpstream);
      client.create();
      client.create();
      await first.started;
      first.send(delta('of the first'));
      await client.gets(interleaves ? 5 : 3);
      const came = client.came.map((it) => it.bytes.toString()).join('');
      expect(came.includes('of the second')).toBe(interleaves);
      first.end();
      await client.gets(5);
      expect(client.types.filter((it) => it === 'response.completed')).toHaveLength(1);
    }
    expect(fakeUpstream.sockets.attempts()).toHaveLength(4);
  });

  it('pings on demand, records pongs and pings, and responds to a message that is not a turn with an error', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const client = await open(fakeUpstream);
    const [socket] = fakeUpstream.sockets.list;
    socket?.ping('are you there');
    client.ws.ping('and you');
    client.ws.send(Buffer.of(1, 2));
    await fakeUpstream.until(() => socket?.pongs.length === 1 && socket.pings.length === 1, 'ping and pong');
    await client.gets(1);
    expect(client.events).toMatchObject([{ type: 'error', status: 400 }]);
    expect(String(socket?.pongs[0])).toBe('are you there');
    expect(String(socket?.pings[0])).toBe('and you');
    expect(socket?.strays).toEqual([{ bytes: Buffer.of(1, 2), isBinary: true }]);
    expect(fakeUpstream.sockets.turns()).toEqual([]);
  });

  it('closes with 1011 when the script cannot be played', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream.account('a').sockets.answers(resetsConnection());
    const client = await open(fakeUpstream);
    client.create();
    expect(await client.closed).toMatchObject({
      code: 1011,
      reason: expect.stringContaining('cannot be sent over a WebSocket'),
    });
  });

  it('ends its sockets when it goes down, and serves new ones when it is back', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream.account('a').sockets.answers(streams({ thenHang: true }));
    const client = await open(fakeUpstream);
    client.create();
    await client.gets(3);
    await fakeUpstream.goDown();
    expect(await client.closed).toMatchObject({ code: 1006 });
    await fakeUpstream.untilIdle();
    await fakeUpstream.reopen();
    await open(fakeUpstream);
    expect(fakeUpstream.sockets.open).toBe(1);
  });
});
