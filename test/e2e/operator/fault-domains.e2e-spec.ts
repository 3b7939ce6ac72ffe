import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import type { Account } from '../../../src/accounts/account.js';
import { UpstreamMonitor } from '../../../src/observability/upstream-monitor.js';
import { PoolHealth } from '../../../src/admin/health/pool.health.js';
import { CallbackListener } from '../../../src/login/callback-listener.js';
import { OutcomeRecorder } from '../../../src/proxy/failover/outcome-recorder.js';
import type { Attempted } from '../../../src/proxy/upstream/attempted.js';
import type { FailoverContext } from '../../../src/proxy/failover/failover-context.js';
import { Forwarder } from '../../../src/proxy/failover/forwarder.js';
import { Pinning } from '../../../src/proxy/failover/pinning.js';
import type { ProxyRequest } from '../../../src/proxy/request/proxy-request.js';
import { RequestIntake } from '../../../src/proxy/ingress/request-intake.js';
import { RouteDispatch } from '../../../src/proxy/ingress/route-dispatch.js';
import type { Route } from '../../../src/proxy/ingress/routes.js';
import type { Arrival } from '../../../src/proxy/websocket/arrival.js';
import { Handshake } from '../../../src/proxy/websocket/handshake.js';
import { hangs } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { UsageReport } from '../../../src/usage/report/usage-report.js';
import { begin, redirectOf, arrival } from '../../support/pool/logging-in.js';
import { breaksOnce, OwnProcessFaults } from '../../support/pool/own-process-faults.js';
import { connectTo, head, post, upgrade } from '../../support/clients/request-bytes.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { call, send, turnWith } from '../../support/clients/raw-http.js';
import { RawSocket } from '../../support/clients/raw-socket.js';
import { SocketClient } from '../../support/clients/socket-client.js';

const fault = new TypeError('made-up fault');
const boom = (): never => {
  throw fault;
};
const turn = turnWith(JSON.stringify(aTurn()));

function part<T>(pool: TestPool, type: Type<T>): T {
  return pool.running.app.get(type, { strict: false });
}

/** Breaks the next request inside its own handling; `how` is called with both sides of it. */
function inRequest(pool: TestPool, how: (req: IncomingMessage, res: ServerResponse) => void): void {
  breaksOnce(part(pool, RouteDispatch), 'serve', (_route: Route, req: IncomingMessage, res: ServerResponse) =>
    how(req, res),
  );
}

/** Sends these bytes; the connection is then ended by the fault. */
async function ended(pool: TestPool, bytes: string): Promise<string> {
  using client = new RawSocket(pool.origin);
  await client.write(bytes);
  return await client.whole();
}

/** A turn that gets a 500 in JSON on a closed connection. */
async function isReported(pool: TestPool): Promise<void> {
  const text = await ended(pool, post());
  expect(text).toMatch(/^HTTP\/1.1 500 /);
  expect(text).toContain('"code":"internal_error"');
}

/** A turn whose client disconnects once upstream has it. */
async function left(pool: TestPool): Promise<void> {
  const before = pool.fakeUpstream.turns().length;
  pool.fakeUpstream.account('a').always(hangs());
  using client = new RawSocket(pool.origin);
  await client.write(post());
  await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length > before, 'the turn');
}

async function socketCloses(pool: TestPool): Promise<void> {
  await using client = await SocketClient.connect(pool.origin);
  await client.turn();
  expect((await client.closed).code).toBe(1011);
}

const places: [where: string, place: string, provoke: (pool: TestPool) => Promise<void>][] = [
  ['request', 'the handler of a request throws', (pool) => (inRequest(pool, boom), isReported(pool))],
  [
    'request',
    'a turn throws before its first byte',
    (pool) => (breaksOnce(part(pool, Forwarder), 'serve', boom), isReported(pool)),
  ],
  [
    'request',
    'the recorder of an attempt throws',
    (pool) => (breaksOnce(part(pool, OutcomeRecorder), 'apply', boom), isReported(pool)),
  ],
  [
    'request',
    'the recorder of the end of a turn throws',
    async (pool) => {
      breaksOnce(part(pool, OutcomeRecorder), 'ended', boom);
      expect(await call(pool.origin, turn)).toMatchObject({ status: 200, isBroken: false });
    },
  ],
  [
    'tap',
    'inspecting a stream throws',
    async (pool) => {
      breaksOnce(part(pool, Pinning), 'pin', boom);
      expect(await call(pool.origin, turn)).toMatchObject({ status: 200, isBroken: false });
    },
  ],
  [
    'upgrade',
    'the opening of a WebSocket throws',
    async (pool) => {
      breaksOnce(part(pool, Handshake), 'serve', boom);
      expect(await ended(pool, upgrade())).toBe('');
    },
  ],
  [
    'websocket',
    'a message of the client throws',
    (pool) => (breaksOnce(part(pool, RequestIntake), 'takeMessage', boom), socketCloses(pool)),
  ],
  [
    'websocket',
    'the first output of upstream throws',
    async (pool) => {
      await using client = await SocketClient.connect(pool.origin);
      breaksOnce(part(pool, OutcomeRecorder), 'apply', boom);
      await client.turn();
      expect((await client.closed).code).toBe(1011);
    },
  ],
  [
    'websocket',
    'the end of a turn throws',
    (pool) => (breaksOnce(part(pool, OutcomeRecorder), 'ended', boom), socketCloses(pool)),
  ],
  [
    'websocket',
    'handling the disconnect of its client throws',
    async (pool) => {
      const held = controlled();
      for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(held.response);
      await using client = await SocketClient.connect(pool.origin);
      breaksOnce(part(pool, RequestIntake), 'leave', boom);
      client.send(JSON.stringify({ type: 'response.create', model: 'gpt-5.5', input: [] }));
      await expect.poll(() => pool.registry.list().some((it) => it.inFlight > 0)).toBe(true);
      client.cut();
    },
  ],
  [
    'connection',
    'an open WebSocket throws as it is read',
    async (pool) => {
      breaksOnce(part(pool, Handshake), 'serve', ({ socket }: Arrival) =>
        setImmediate(() => socket.on('data', boom)),
      );
      await using client = await SocketClient.connect(pool.origin);
      client.send('{}');
      expect((await client.closed).code).toBe(1006);
    },
  ],
  [
    'connection',
    'a timer throws',
    async (pool) => {
      inRequest(pool, () => void setTimeout(boom, 1));
      await ended(pool, post());
    },
  ],
  [
    'connection',
    'a tick throws',
    async (pool) => {
      inRequest(pool, () => process.nextTick(boom));
      await ended(pool, post());
    },
  ],
  [
    'connection',
    'a promise is rejected and nothing waits for it',
    async (pool) => {
      inRequest(pool, () => void Promise.resolve().then(boom));
      await ended(pool, post());
    },
  ],
  [
    'connection',
    'a listener of the body throws',
    async (pool) => {
      inRequest(pool, (req) => req.once('data', boom));
      await ended(pool, post());
    },
  ],
  [
    'connection',
    'a listener of the end of a body throws',
    async (pool) => {
      inRequest(pool, (req) => req.once('end', boom));
      await ended(pool, post());
    },
  ],
  [
    'connection',
    'a listener of the end of a response throws',
    async (pool) => {
      inRequest(pool, (_req, res) => res.once('close', boom));
      await left(pool);
    },
  ],
  [
    'connection',
    'a listener of the end of a connection throws',
    async (pool) => {
      inRequest(pool, ({ socket }) => socket.once('close', boom));
      await left(pool);
    },
  ],
  [
    'connection',
    'a listener of an error throws',
    async (pool) => {
      inRequest(pool, ({ socket }) => {
        socket.once('error', boom);
        setImmediate(() => socket.destroy(new Error('made-up error')));
      });
      await ended(pool, post());
    },
  ],
  [
    'connection',
    'an abort listener throws',
    async (pool) => {
      breaksOnce(part(pool, Forwarder), 'serve', (request: ProxyRequest) =>
        request.gone.addEventListener('abort', boom),
      );
      await left(pool);
    },
  ],
  [
    'connection',
    'a listener of the response of upstream throws',
    async (pool) => {
      breaksOnce(
        part(pool, OutcomeRecorder),
        'apply',
        (_context: FailoverContext, _account: Account, { peeked }: Attempted) =>
          peeked?.response.once('data', boom),
      );
      const held = controlled();
      pool.fakeUpstream.account('a').answers(held.response);
      using client = new RawSocket(pool.origin);
      await client.write(post());
      held.send(delta('held'));
      await client.until('held');
      held.send(delta('more'));
      await client.whole();
    },
  ],
  ...(['request', 'upgrade', 'connect', 'clientError'] as const).map((event): (typeof places)[number] => [
    'connection',
    `a listener of the server's ${event} throws`,
    async (pool) => {
      pool.running.server.prependOnceListener(event, boom);
      const bytes = {
        request: post(),
        upgrade: upgrade(),
        connect: connectTo('x:1'),
        clientError: '\0\r\n\r\n',
      };
      await ended(pool, bytes[event]);
    },
  ]),
  [
    'operator',
    'a route of the operator throws',
    async (pool) => {
      breaksOnce(part(pool, UsageReport), 'run', boom);
      const text = await ended(pool, head('GET /admin/usage'));
      expect(text).toMatch(/^HTTP\/1.1 500 /);
      expect(text).toContain('application/problem+json');
    },
  ],
  [
    'operator',
    'a middleware of the operator throws',
    async (pool) => {
      breaksOnce(part(pool, UpstreamMonitor), 'troubles', boom);
      expect(await ended(pool, head('GET /metrics'))).toMatch(/^HTTP\/1.1 500 /);
    },
  ],
  [
    'operator',
    'an indicator of /healthz throws',
    async (pool) => {
      breaksOnce(part(pool, PoolHealth), 'check', boom);
      expect(await ended(pool, head('GET /healthz'))).toMatch(/^HTTP\/1.1 500 /);
    },
  ],
  [
    'callback',
    'the login callback handler throws',
    async (pool) => {
      const login = await begin(pool, 'browser');
      breaksOnce(part(pool, CallbackListener), 'handle', boom);
      expect((await arrival(redirectOf(login).href)).status).toBe(500);
    },
  ],
];

describe('a fault in the handling of one connection', () => {
  it.each(places)('(%s) when %s, ends only that one, and is logged once', async (where, _place, provoke) => {
    await using pool = await TestPool.start({ loginPorts: [0], env: { PROXY_POLICY: 'fill-first' } });
    using uncaught = new OwnProcessFaults(pool);
    const upstream = controlled();
    pool.fakeUpstream.account('a').answers(upstream.response);
    const other = send(pool.origin, turn);
    upstream.send(delta('before'));
    await other.untilText('before');

    const before = await counted(pool);

    await provoke(pool);

    await expect.poll(async () => (await counted(pool))[where]).toBe((before[where] ?? 0) + 1);
    upstream.send(delta('after'), completed());
    upstream.end();
    expect(await other.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(other.text).toMatch(/before[^]*after[^]*response\.completed/);
    expect(await counted(pool)).toEqual({ ...before, [where]: (before[where] ?? 0) + 1 });
    const logged = pool.logger.lines.filter((it) => it.includes('made-up fault'));
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatch(/at .*fault-domains\.e2e-spec/);
    const { body: health } = await pool.client.get('/healthz').expect(200);
    expect(health.status).toBe('up');
    expect(health.info.faults).toMatchObject({ status: 'up', total: 1, lastAt: expect.any(Number) });
    expect(uncaught.outside).toBe(0);
    await expect.poll(() => pool.registry.list().map((it) => it.inFlight)).toEqual([0, 0]);
  });
});

/** The counts of the metric by place. All pools of this process share one registry. */
async function counted(pool: TestPool): Promise<Record<string, number>> {
  const { text } = await pool.client.get('/metrics').expect(200);
  const found = [...text.matchAll(/^codex_pool_faults_total\{where="([a-z]+)"\} (\d+)$/gm)];
  return Object.fromEntries(found.map(([, name = '', count]) => [name, Number(count)]));
}
