import { describe, expect, it } from 'vitest';
import { refuses, streams, toolCall } from '../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../src/fake-upstream/script/refusals.js';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { AppServer } from './support/app-server.js';
import { Setting } from './support/setting.js';
import { Thread } from './support/thread.js';

const names = ['a', 'b'];
const provider = { supportsWebsockets: true };
const reconnectsIn = (text: string): number => text.match(/Reconnecting/g)?.length ?? 0;

/**
 * The pool chooses `a` for a new session, because it has far more quota left: Codex's other requests at its start are
 * in flight on `a`, and each divides its share.
 */
function preferFirst(fakeUpstream: FakeUpstream): void {
  fakeUpstream.account('b').usage({ usedPercent: 95, windowSeconds: 18_000 });
}

/** A setting over WebSockets in which `a` serves first. */
async function startWithFirst(prepare: (fakeUpstream: FakeUpstream) => void): Promise<Setting> {
  const setting = await Setting.start({
    provider,
    prepare: (fakeUpstream) => {
      preferFirst(fakeUpstream);
      prepare(fakeUpstream);
    },
  });
  for (const name of names) await setting.quotaKnown(name);
  return setting;
}

it('serves a turn with a tool in between on one socket of one account, with that account’s turn state', async () => {
  await using setting = await startWithFirst((fakeUpstream) => {
    fakeUpstream.account('a').answers(toolCall('exec_command', { cmd: 'echo made-$((40 + 2))' }));
    for (const name of names) fakeUpstream.account(name).turnState(`state-of-${name}`);
  });
  const run = await setting.exec('--skip-git-repo-check', '--sandbox', 'danger-full-access', 'count');
  expect(run).toMatchObject({ code: 0, stdout: 'served by a\n' });
  expect(run.stderr).not.toMatch(/reconnecting|falling back/i);
  const { sockets } = setting.fakeUpstream;
  const [first, second, ...rest] = sockets.turns();
  expect(rest).toEqual([]);
  expect(sockets.attempts()).toEqual(['a', 'a']);
  expect(second?.socket).toBe(first?.socket);
  expect(second?.message).toMatchObject({
    previous_response_id: expect.stringMatching(/^resp_/),
    input: [{ type: 'function_call_output', output: expect.stringContaining('made-42') }],
    client_metadata: { 'x-codex-turn-state': 'state-of-a' },
  });
  expect(setting.fakeUpstream.turns()).toEqual([]);
});

it('serves two turns and a compaction between them on one socket of one thread', async () => {
  await using setting = await startWithFirst(() => undefined);
  const server = await AppServer.start(setting);
  const thread = await Thread.start(server, setting.home.workFolder);
  expect(await thread.turn('one')).toMatchObject({ status: 'completed', error: null });
  expect(await thread.turn('two')).toMatchObject({ status: 'completed', error: null });
  expect(await thread.compact()).toMatchObject({ status: 'completed', error: null });
  expect(await thread.turn('three')).toMatchObject({ status: 'completed', error: null });
  expect(server.reconnects()).toBe(0);
  expect(await server.end()).toBe(0);
  const { sockets } = setting.fakeUpstream;
  expect(sockets.attempts()).toEqual(['a', 'a', 'a', 'a']);
  expect(new Set(sockets.turns().map((it) => it.socket)).size).toBe(1);
  expect(sockets.turns()[1]?.message).toMatchObject({
    previous_response_id: expect.stringMatching(/^resp_/),
  });
  expect(JSON.stringify(sockets.turns()[2]?.message)).toContain('\\"request_kind\\":\\"compaction\\"');
  expect(setting.fakeUpstream.turns()).toEqual([]);
});

it('heals a socket that is cut in the middle: Codex retries the whole turn, and shows nothing of the first response', async () => {
  await using setting = await startWithFirst((fakeUpstream) => {
    fakeUpstream.account('a').answers(streams({ deltas: ['only half of '], thenCut: true }));
  });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: 'served by a\n' });
  expect(reconnectsIn(run.stderr)).toBeLessThanOrEqual(1);
  const { sockets } = setting.fakeUpstream;
  const [first, again, ...rest] = sockets.turns();
  expect(rest).toEqual([]);
  expect(first?.message).toHaveProperty('previous_response_id');
  expect(again?.message).not.toHaveProperty('previous_response_id');
  expect(again?.socket).not.toBe(first?.socket);
  expect(setting.fakeUpstream.turns()).toEqual([]);
});

describe('with an account at its limit, the session continues on the other', () => {
  it('when the handshake reports the limit', async () => {
    await using setting = await startWithFirst((fakeUpstream) => {
      fakeUpstream.account('a').sockets.handshakesAlways(usageLimit());
    });
    const run = await setting.exec('--skip-git-repo-check', 'say hello');
    expect(run).toMatchObject({ code: 0, stdout: 'served by b\n' });
    expect(run.stderr).not.toMatch(/usage limit|falling back/i);
    expect(reconnectsIn(run.stderr)).toBeLessThanOrEqual(1);
    expect(setting.fakeUpstream.handshakes()[0]?.account).toBe('a');
    expect(setting.fakeUpstream.sockets.attempts()).toEqual(['b']);
  });

  it('when the first turn reports the limit', async () => {
    await using setting = await startWithFirst((fakeUpstream) =>
      fakeUpstream.account('a').always(usageLimit()),
    );
    const run = await setting.exec('--skip-git-repo-check', 'say hello');
    expect(run).toMatchObject({ code: 0, stdout: 'served by b\n' });
    expect(run.stderr).not.toMatch(/usage limit|falling back/i);
    expect(reconnectsIn(run.stderr)).toBeLessThanOrEqual(1);
    expect(setting.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
  });

  it('when a later turn reports the limit', async () => {
    await using setting = await startWithFirst((fakeUpstream) => {
      fakeUpstream.account('a').answers(streams()).always(usageLimit());
    });
    const server = await AppServer.start(setting);
    const thread = await Thread.start(server, setting.home.workFolder);
    expect(await thread.turn('one')).toMatchObject({ status: 'completed', error: null });
    expect(await thread.turn('two')).toMatchObject({ status: 'completed', error: null });
    expect(await thread.turn('three')).toMatchObject({ status: 'completed', error: null });
    expect(server.reconnects()).toBeLessThanOrEqual(1);
    expect(await server.end()).toBe(0);
    const { sockets } = setting.fakeUpstream;
    expect(sockets.attempts()).toEqual(['a', 'a', 'b', 'b']);
    // The other account gets the whole conversation, because it has issued no response id.
    const [, refused, moved] = sockets.turns();
    expect(refused?.message).toHaveProperty('previous_response_id');
    expect(JSON.stringify(moved?.message)).toContain('"one"');
    expect(setting.fakeUpstream.turns()).toEqual([]);
  });
});

it('with all accounts at their limit, Codex reports it in its own words', async () => {
  await using setting = await Setting.start({
    provider,
    prepare: (fakeUpstream) => {
      for (const name of names)
        fakeUpstream.account(name).always(usageLimit()).sockets.handshakesAlways(usageLimit());
    },
  });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 1, stdout: '' });
  expect(run.stderr).toMatch(/You.ve hit your usage limit\..*try again at/i);
  expect(reconnectsIn(run.stderr)).toBe(0);
  expect(new Set(setting.fakeUpstream.handshakes().map((it) => it.account))).toEqual(new Set(names));
});

it('continues silently over HTTP if upstream does not accept WebSockets', async () => {
  await using setting = await Setting.start({
    provider,
    prepare: (fakeUpstream) => {
      for (const name of names) fakeUpstream.account(name).sockets.handshakesAlways(refuses(426, ''));
    },
  });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) });
  expect(run.stderr).not.toMatch(/reconnecting|falling back/i);
  expect(setting.fakeUpstream.handshakes()[0]?.status).toBe(426);
  expect(setting.fakeUpstream.sockets.list).toEqual([]);
  expect(setting.fakeUpstream.attempts()).toHaveLength(1);
});
