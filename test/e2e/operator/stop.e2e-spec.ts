import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { call, send, turnWith } from '../../support/clients/raw-http.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { aTurn } from '../../support/pool/pool.js';
import { Program } from '../../support/program/child-process.js';

const turn = turnWith(JSON.stringify(aTurn()));
const EVENTS = '/backend-api/wham/events';
const CONTROL = '/backend-api/wham/remote/control/server';
const env = { PROXY_DRAIN_SECONDS: '60' };

/** A program whose upstream serves `GET /wham/events` as the test says. */
async function running(respond: (res: ServerResponse) => void) {
  const fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
  const arrived = Promise.withResolvers<ServerResponse>();
  fakeUpstream.on('GET', EVENTS, (_req, res) => {
    respond(res);
    arrived.resolve(res);
  });
  const program = await Program.spawn({ fakeUpstream, accounts: ['a'], env });
  return { fakeUpstream, program, origin: await program.origin(), arrived: arrived.promise };
}

/** An event stream that never ends. */
function endless(res: ServerResponse): void {
  res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).write('data: first\n\n');
}

const isStopping = (program: Program): Promise<true> =>
  program.child.until(({ stdout }) => (stdout.includes('stopping') ? true : null), 'the stop');

describe('a stop', { timeout: 30_000 }, () => {
  it('does not wait for an endless stream that is not a turn', async () => {
    const { fakeUpstream, program, origin } = await running(endless);
    await using _upstream = fakeUpstream;
    await using _program = program;
    const client = send(origin, { path: EVENTS });
    await client.untilText('first');
    const askedAt = performance.now();
    program.child.kill('SIGTERM');
    expect(await program.child.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - askedAt).toBeLessThan(1_900); // less than requests that are not streams get
    expect((await client.whole()).isBroken).toBe(true);
    expect(program.child.stdout + program.child.stderr).not.toContain('drain time ran out');
  });

  it.each(['SIGTERM', 'SIGHUP'] as const)(
    'ends such a stream and idle WebSockets at once on %s, while a running turn completes',
    async (signal) => {
      const { fakeUpstream, program, origin } = await running(endless);
      await using _upstream = fakeUpstream;
      await using _program = program;
      const upstream = controlled();
      fakeUpstream.account('a').answers(upstream.response);
      const client = send(origin, turn);
      upstream.send(delta('first'));
      await client.untilText('first');
      const stream = send(origin, { path: EVENTS });
      await stream.untilText('first');
      await using idle = await SocketClient.connect(origin);
      await using side = await SocketClient.connect(origin, { path: CONTROL });
      program.child.kill(signal);
      expect((await stream.whole()).isBroken).toBe(true);
      expect([(await idle.closed).code, (await side.closed).code]).toEqual([1012, 1012]);
      expect(program.child.stdout).toContain('stopping');
      upstream.send(completed());
      upstream.end();
      expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
      expect(await program.child.ended).toEqual({ code: 0, signal: null });
    },
  );

  it('lets a short request finish', async () => {
    const { fakeUpstream, program, origin, arrived } = await running(() => undefined);
    await using _upstream = fakeUpstream;
    await using _program = program;
    const client = call(origin, { path: EVENTS });
    const res = await arrived;
    program.child.kill('SIGTERM');
    await isStopping(program);
    res.end('{"made":"up"}');
    expect(await client).toMatchObject({ status: 200, isBroken: false });
    expect(await program.child.ended).toEqual({ code: 0, signal: null });
  });

  it('breaks off a request that upstream does not answer, after two seconds', async () => {
    const { fakeUpstream, program, origin, arrived } = await running(() => undefined);
    await using _upstream = fakeUpstream;
    await using _program = program;
    const failure = call(origin, { path: EVENTS }).catch((error: unknown) => error);
    await arrived;
    const askedAt = performance.now();
    program.child.kill('SIGTERM');
    expect(await program.child.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - askedAt).toBeLessThan(6_000);
    expect(String(await failure)).toContain('hang up');
  });

  it('ignores a repeated SIGHUP, which a terminal that closes may send', async () => {
    const { fakeUpstream, program, origin } = await running(endless);
    await using _upstream = fakeUpstream;
    await using _program = program;
    const upstream = controlled();
    fakeUpstream.account('a').answers(upstream.response);
    const client = send(origin, turn);
    upstream.send(delta('first'));
    await client.untilText('first');
    program.child.kill('SIGHUP');
    await isStopping(program);
    program.child.kill('SIGHUP');
    upstream.send(completed());
    upstream.end();
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(await program.child.ended).toEqual({ code: 0, signal: null });
  });
});
