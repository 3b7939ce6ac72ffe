import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Account } from '../../accounts/account.js';
import { limits } from '../../config/limits.js';
import { Secret } from '../../runtime/secret.js';
import { credentialOf } from '../../tokens/credential-file/credential.js';
import { idle } from '../../tokens/refresh-state.js';
import { UpstreamSocket } from '../socket/upstream-socket.js';
import { peekMessages } from './message-peek.js';

const credential = credentialOf({
  accessToken: 'a',
  refreshToken: null,
  idToken: null,
  accountId: 'a',
  lastRefreshAt: null,
});
const stored = { name: 'a', credential, refresh: idle, warning: null, isLink: false, id: 'a', unsaved: null };
const account = new Account('a', { current: { ...stored, grantedAt: null } });
const never = new AbortController().signal;

let server: WebSocketServer;
let far: WebSocket;
let near: UpstreamSocket;

/** A pair of connected sockets; the near end is paused, as after a handshake. */
beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const accepted = new Promise<WebSocket>((resolve) => server.once('connection', resolve));
  const ws = new WebSocket(`ws://127.0.0.1:${port}`);
  ws.once('open', () => ws.pause());
  await once(ws, 'open');
  near = new UpstreamSocket(ws, account, new Secret('made-up'));
  far = await accepted;
});
afterEach(async () => {
  far.terminate();
  near.ws.terminate();
  server.close();
  await once(server, 'close');
});

const send = (...types: readonly string[]): void => {
  for (const type of types) far.send(JSON.stringify({ type }));
};
const typeOf = ({ bytes }: { readonly bytes: Buffer }): string => {
  const { type }: { type: string } = JSON.parse(bytes.toString());
  return type;
};

/** Reads the rest of the socket until it is closed; the last entry is the code. */
async function rest(): Promise<unknown[]> {
  const got: unknown[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  near.read({
    message: (it) => void got.push(typeOf(it)),
    closed: ({ code }) => {
      got.push(code);
      resolve();
    },
    failed: reject,
  });
  await promise;
  return got;
}

describe('the peek at the messages of a turn', () => {
  it('holds them up to the first output, and loses nothing that came in the same read', async () => {
    const deltas = Array.from({ length: 50 }, (_it, at) => `${at}.delta`);
    send('codex.rate_limits', 'response.created', 'response.output_item.added', ...deltas);
    far.close(1008);
    const peek = await peekMessages(near, never);
    expect(peek).toMatchObject({ kind: 'output', firstAt: expect.any(Number) });
    expect(peek.held.map(typeOf)).toEqual([
      'codex.rate_limits',
      'response.created',
      'response.output_item.added',
    ]);
    await new Promise((resolve) => setImmediate(resolve)); // nothing reads meanwhile
    expect(await rest()).toEqual([...deltas, 1008]);
  });

  it.each(['response.completed', 'response.incomplete', 'x.delta'])('ends with %s', async (type) => {
    send('response.created', type);
    expect(await peekMessages(near, never)).toMatchObject({ kind: 'output' });
  });

  it('ends with a binary message', async () => {
    far.send(Buffer.from('{"type":"response.created"}'), { binary: true });
    expect(await peekMessages(near, never)).toMatchObject({ kind: 'output', held: [{ isBinary: true }] });
  });

  it('ends with a failure, which is the last message held', async () => {
    send('response.created');
    far.send('{"type":"error","status":429,"error":{"code":"made_up"},"headers":{"Retry-After":"3"}}');
    const peek = await peekMessages(near, never);
    expect(peek).toMatchObject({
      kind: 'failed',
      failure: { status: 429, envelope: { codes: ['made_up'] }, headers: { 'retry-after': '3' } },
    });
    expect(peek.held.map(typeOf)).toEqual(['response.created', 'error']);
  });

  it('ends with a mebibyte of anything else', async () => {
    far.send(`{"type":"made_up","x":"${'x'.repeat(limits.peekBytes)}"}`);
    expect(await peekMessages(near, never)).toMatchObject({ kind: 'output' });
  });

  it.each([
    ['a close', () => far.close(1013, 'made-up'), { code: 1013, reason: 'made-up' }],
    ['a close without a code', () => far.close(), { code: 1011 }],
    ['a cut', () => far.terminate(), { code: 1011 }],
  ])('ends with %s', async (_how, end, expected) => {
    send('response.created');
    end();
    const peek = await peekMessages(near, never);
    expect(peek).toMatchObject({ kind: 'closed', end: expected });
    expect(near.isOpen).toBe(false);
  });

  it('ends when it is stopped, before or meanwhile', async () => {
    expect(await peekMessages(near, AbortSignal.abort())).toMatchObject({ kind: 'stopped', firstAt: null });
    const stop = new AbortController();
    const peek = peekMessages(near, stop.signal);
    stop.abort();
    expect(await peek).toMatchObject({ kind: 'stopped', held: [] });
  });
});

describe('an upstream socket', () => {
  it('is closed when it is left, unless a session owns it', async () => {
    near.own();
    near.leave();
    expect(near.isOpen).toBe(true);
    send('the rest of the attempt');
    await once(near.ws, 'message');
    far.close(1001);
    expect(await rest()).toEqual([1001]);
  });

  it('ends with the request that it was opened for if no session owns it', async () => {
    const request = new AbortController();
    near.follow(request.signal);
    request.abort();
    const [code] = await once(far, 'close');
    expect(code).toBe(1000);
  });

  it('outlives the request that it was opened for if a session owns it', () => {
    const request = new AbortController();
    near.follow(request.signal);
    near.own();
    request.abort();
    expect(near.isOpen).toBe(true);
  });

  it('reports a fault of its reader to that reader', async () => {
    const fault = new Error('made-up');
    const failed = new Promise((resolve) => {
      near.read({
        message: () => {
          throw fault;
        },
        closed: () => undefined,
        failed: resolve,
      });
    });
    send('x');
    expect(await failed).toBe(fault);
  });
});
