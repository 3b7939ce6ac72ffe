import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { Program } from '../../support/program/child-process.js';
import { aTurn } from '../../support/pool/pool.js';
import { call, send, turnWith } from '../../support/clients/raw-http.js';
import { RawSocket } from '../../support/clients/raw-socket.js';
import { head } from '../../support/clients/request-bytes.js';

const turn = turnWith(JSON.stringify(aTurn()));

/** Loaded before the program: on SIGUSR2 an exception outside any connection, on /boom one inside. */
const faulty = `
import { Server } from 'node:http';
process.on('SIGUSR2', () => setTimeout(() => { throw new TypeError('made-up fault outside'); }, 1));
const { emit } = Server.prototype;
Server.prototype.emit = function (event, ...args) {
  if (event === 'request' && args[0].url === '/boom') Promise.reject(new TypeError('made-up fault inside'));
  return emit.call(this, event, ...args);
};`;
const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(faulty)}` };

async function streaming(fakeUpstream: FakeUpstream) {
  const program = await Program.spawn({ fakeUpstream, accounts: ['a'], env });
  const origin = await program.origin();
  const upstream = controlled();
  fakeUpstream.account('a').answers(upstream.response);
  const client = send(origin, turn);
  upstream.send(delta('first'));
  await client.untilText('first');
  return { program, origin, upstream, client };
}

describe('an exception in the real program', { timeout: 90_000 }, () => {
  it('outside any connection is logged with its stack, the streams finish, and the exit code is 1', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const { program, origin, upstream, client } = await streaming(fakeUpstream);
    await using _it = program;
    program.child.kill('SIGUSR2');
    const logged = () => /made-up fault outside\\n +at [^]*"where":"process"/.exec(program.child.stderr);
    await program.child.until(logged, 'the fault in the log');
    await expect.poll(async () => call(origin, { path: '/healthz' }).catch(String)).toContain('ECONNRE');
    program.child.kill('SIGUSR2'); // another one does not hurry it
    upstream.send(delta('second'), completed());
    upstream.end();
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(client.text).toContain('response.completed');
    expect(await program.child.ended).toEqual({ code: 1, signal: null });
  });

  it('inside one ends only that connection; /healthz and the metric show it', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const { program, origin, upstream, client } = await streaming(fakeUpstream);
    await using _it = program;
    using broken = new RawSocket(origin);
    await broken.write(head('GET /boom'));
    await broken.whole();
    const health = JSON.parse((await call(origin, { path: '/healthz' })).body.toString());
    expect(health).toMatchObject({
      status: 'up',
      info: { faults: { status: 'up', total: 1 } },
      lastErrors: [
        {
          message: 'fault inside the proxy',
          fields: { where: 'connection', reason: 'made-up fault inside' },
        },
      ],
    });
    const metrics = (await call(origin, { path: '/metrics' })).body.toString();
    expect(metrics).toContain('codex_pool_faults_total{where="connection"} 1');
    upstream.send(completed());
    upstream.end();
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
  });
});
