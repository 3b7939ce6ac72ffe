import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { eventually, said, stateOf } from '../../support/pool/pool-files.js';
import { send, turnWith } from '../../support/clients/raw-http.js';
import { fileOf } from '../../support/pool/held-refresh.js';
import { startTilted } from '../../support/pool/uneven-pool.js';

const session = { 'session-id': 's-1' };
const turn = turnWith(JSON.stringify(aTurn()), session);

/** Streams a turn of the session s-1 on b; every other turn would go to a. */
async function streamingOnB() {
  const pool = await startTilted();
  const running = controlled();
  pool.fakeUpstream.account('b').answers(running.response);
  const client = send(pool.origin, turn);
  running.send(delta('first'));
  await client.untilText('first');
  const end = async () => {
    running.send(delta('late'), completed());
    running.end();
    const response = await client.whole();
    expect(response).toMatchObject({ status: 200, isBroken: false });
    expect(client.text).toContain('late');
  };
  return { pool, end };
}

describe('an account whose file is deleted', () => {
  it('finishes its turns, gets no new ones, and is removed', async () => {
    const { pool, end } = await streamingOnB();
    await using _it = pool;
    await rm(fileOf(pool, 'b'));
    await eventually(() => stateOf(pool)).toEqual({ a: null, b: 'removed' });
    expect(await pool.account('b')).toMatchObject({ available: false, inFlight: 1 });
    const { body } = await pool.client.get('/readyz').expect(200);
    expect(body.accounts).toContainEqual({ name: 'b', reason: 'removed', until: null });
    await pool.turn(session).expect(200); // the session moves
    await end();
    await eventually(() => stateOf(pool)).toEqual({ a: null });
    await pool.turn(session).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'a', 'a']);
    expect(said(pool, 'account removed')).toHaveLength(1);
  });

  it('still refreshes the token for a turn in flight', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    const held = pool.fakeUpstream.tokens.hold();
    const client = send(pool.origin, turn);
    await held.arrived;
    await rm(fileOf(pool, 'a'));
    await eventually(() => stateOf(pool)).toEqual({ a: 'removed' });
    held.release();
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    await eventually(() => stateOf(pool)).toEqual({});
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
  });

  it('stays the same account when the file comes back in time', async () => {
    const { pool, end } = await streamingOnB();
    await using _it = pool;
    const [, b] = pool.registry.list();
    const login = await pool.readAuth('b');
    await rm(fileOf(pool, 'b'));
    await eventually(() => stateOf(pool)).toEqual({ a: null, b: 'removed' });
    await pool.writeAuth('b', login);
    await eventually(() => stateOf(pool)).toEqual({ a: null, b: null });
    await end();
    expect(pool.registry.list()[1]).toBe(b);
    expect(await pool.account('b')).toMatchObject({ inFlight: 0, totals: { turns: 1 } });
  });
});

describe('an account whose file is renamed', () => {
  it('stays the same account, with its turns, cooldown, totals and sessions', async () => {
    const { pool, end } = await streamingOnB();
    await using _it = pool;
    const [, b] = pool.registry.list();
    await rename(fileOf(pool, 'b'), fileOf(pool, 'x'));
    await eventually(() => stateOf(pool)).toEqual({ a: null, x: null });
    expect(await pool.account('x')).toMatchObject({ inFlight: 1 });
    await pool.turn(session).expect(200);
    pool.fakeUpstream.account('b').answers(usageLimit());
    await pool.turn(session).expect(200); // the limit, and on to a
    await end();
    const { reason, until, totals } = await pool.account('x');
    await rename(fileOf(pool, 'x'), fileOf(pool, 'y'));
    const { body } = await pool.client.post('/admin/reload').expect(200);
    expect(body.map((it: { name: string }) => it.name)).toEqual(['a', 'y']);
    expect(await pool.account('y')).toMatchObject({ reason, until, totals, inFlight: 0 });
    expect(reason).toBe('quota-exhausted');
    expect(pool.registry.list()[1]).toBe(b);
    expect(said(pool, 'account renamed')).toMatchObject(
      [/"x".*b\.json/, /"y".*x\.json/].map((it) => expect.stringMatching(it)),
    );
    expect([...said(pool, 'account removed'), ...said(pool, 'account added')].join()).not.toMatch(/"[xy]"/);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'b', 'b', 'a']);
  });

  it('does not flap when the rename goes through another folder', async () => {
    await using pool = await TestPool.start();
    const [a] = pool.registry.list();
    for (let i = 0; i < 5; i += 1) {
      await rename(fileOf(pool, 'a'), join(pool.folder, 'elsewhere'));
      await rename(join(pool.folder, 'elsewhere'), fileOf(pool, `a${i}`));
      await rename(fileOf(pool, `a${i}`), fileOf(pool, 'a'));
    }
    await rename(fileOf(pool, 'a'), fileOf(pool, 'z'));
    await eventually(() => stateOf(pool)).toEqual({ b: null, z: null });
    expect(pool.registry.list()[1]).toBe(a);
    expect(said(pool, 'account removed')).toEqual([]);
  });
});

describe('an account in two files', () => {
  it('serves once, with the newest tokens, and moves to the other file when the first is removed', async () => {
    await using pool = await startTilted();
    await pool.turn(session).expect(200);
    const [, b] = pool.registry.list();
    const login = pool.fakeUpstream.account('b').loginAgain();
    await pool.writeAuth('copy', login);
    await eventually(() => stateOf(pool)).toEqual({
      a: null,
      b: 'the same account as copy.json, which is used',
      copy: null,
    });
    expect(pool.registry.list()[1]).toBe(b);
    await pool.turn(session).expect(200);
    expect(pool.fakeUpstream.turns().at(-1)?.headers.authorization).toBe(
      `Bearer ${login.tokens.access_token}`,
    );

    await rm(fileOf(pool, 'copy'));
    await eventually(() => stateOf(pool)).toEqual({ a: null, b: null });
    expect(pool.registry.list()[1]).toBe(b);
    expect(await pool.account('b')).toMatchObject({ totals: { turns: 2 } });
    await pool.turn(session).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'b', 'b']);
    expect(pool.fakeUpstream.turns().at(-1)?.headers.authorization).toBe(
      `Bearer ${login.tokens.access_token}`,
    );
  });
});
