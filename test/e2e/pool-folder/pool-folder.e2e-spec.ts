import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it, vi } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { rateLimit } from '../../../src/fake-upstream/script/refusals.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { caughtUp, eventually, replace, said, stateOf, writeInPlace } from '../../support/pool/pool-files.js';
import { send, turnWith } from '../../support/clients/raw-http.js';
import { fileOf } from '../../support/pool/held-refresh.js';
import { used } from '../../support/pool/uneven-pool.js';

const turn = turnWith(JSON.stringify(aTurn()));

describe('a file in the pool folder', () => {
  it('that is new is in use without a restart', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    await pool.writeAuth('new', pool.fakeUpstream.addAccount({ name: 'new' }).authJson());
    await eventually(() => stateOf(pool)).toEqual({ new: null });
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['new']);
    expect(said(pool, 'account added')).toHaveLength(1);
  });

  it.each([
    ['is replaced', replace],
    ['is written in place', writeInPlace],
  ])('that %s brings its newer tokens, with no refresh, and touches no other account', async (_how, put) => {
    await using pool = await TestPool.start({
      accounts: ['a', 'b', 'c'],
      prepare: (fakeUpstream) => {
        for (const [name, percent] of Object.entries({ a: 0, b: 30, c: 60 }))
          fakeUpstream.account(name).usage(used(percent));
      },
    });
    await polled(pool);
    pool.fakeUpstream.account('a').always(rateLimit(300)); // a cooldown
    const session = { 'session-id': 's-1' };
    await pool.turn(session).expect(200); // affinity, and totals
    const running = controlled();
    pool.fakeUpstream.account('b').answers(running.response);
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn()), session)); // in flight
    await running.started;
    const others = () => pool.registry.list().slice(0, 2);
    const before = others().map((it) => [it, it.evidence, it.storedCredential]);
    const views = () => Promise.all(['a', 'b'].map((it) => pool.account(it)));
    const viewsBefore = await views();

    const login = pool.fakeUpstream.account('c').loginAgain();
    await put(pool, 'c', login);
    await eventually(() => said(pool, 'account updated')).toEqual([expect.stringContaining('"c"')]);

    expect(await views()).toEqual(viewsBefore);
    expect(viewsBefore).toMatchObject([{ reason: 'rate-limited' }, { inFlight: 1, totals: { turns: 1 } }]);
    for (const [index, it] of others().entries()) {
      const [account, evidence, storedCredential] = before[index] ?? [];
      expect(it).toBe(account);
      expect(it.evidence).toBe(evidence);
      expect(it.storedCredential).toBe(storedCredential);
    }
    running.send(completed());
    running.end();
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    pool.fakeUpstream.account('b').usage(used(90)); // for a new session c would be the better one
    await pool.turn(session).expect(200);
    await pool.turn(session).expect(200);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b', 'b', 'b', 'b', 'c']);
    expect(pool.fakeUpstream.turns().at(-1)?.headers.authorization).toBe(
      `Bearer ${login.tokens.access_token}`,
    );
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
  });

  it('that is partly written is not used until it is complete, and its account serves meanwhile', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    const [account] = pool.registry.list();
    const login = JSON.stringify(pool.fakeUpstream.account('a').loginAgain());
    const reload = vi.spyOn(pool.registry, 'reload');
    await writeFile(fileOf(pool, 'a'), login.slice(0, 100));
    await eventually(() => reload.mock.calls.length).toBeGreaterThan(0); // it has been seen
    for (let i = 100; i < 1_000; i += 100) {
      await appendFile(fileOf(pool, 'a'), login.slice(i, i + 100));
      expect(await stateOf(pool)).toEqual({ a: null });
      await pool.turn().expect(200);
    }
    await appendFile(fileOf(pool, 'a'), login.slice(1_000));
    await eventually(() => said(pool, 'account updated').length).toBe(1);
    expect(said(pool, 'credential file cannot be used')).toEqual([]);
    expect(pool.registry.list()).toEqual([account]);
  });

  it('that is new and partly written appears once it is complete, and never as broken', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const text = JSON.stringify(pool.fakeUpstream.addAccount({ name: 'new' }).authJson());
    await writeFile(fileOf(pool, 'new'), text.slice(0, 50));
    const report = pool.client.post('/admin/reload').expect(200); // waits as well
    const sent = report.then((it) => it.body);
    await appendFile(fileOf(pool, 'new'), text.slice(50));
    expect(await sent).toMatchObject([
      { name: 'a', result: 'unchanged' },
      { name: 'new', result: 'added' },
    ]);
    expect(said(pool, 'credential file cannot be used')).toEqual([]);
  });

  it.each([
    ['is emptied', '', 'the file is empty'],
    ['is filled with garbage', 'no JSON at all', 'the file is not JSON'],
  ])('that %s is one bad account, shown as such, until it is whole again', async (_how, text, reason) => {
    await using pool = await TestPool.start();
    await polled(pool);
    const good = await readFile(fileOf(pool, 'a'), 'utf8');
    await writeFile(fileOf(pool, 'a'), text);
    await eventually(() => stateOf(pool)).toEqual({ a: reason, b: null });
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b']);
    expect((await pool.client.get('/healthz').expect(200)).body.status).toBe('degraded');
    await caughtUp(pool, 'mark');
    expect(said(pool, 'credential file cannot be used').filter((it) => it.includes(reason))).toHaveLength(1);
    await writeFile(fileOf(pool, 'a'), good);
    await eventually(async () => (await stateOf(pool))['a']).toBe(null);
  });

  it('that breaks during a turn of its account lets the turn finish', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const running = controlled();
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).answers(running.response);
    const client = send(pool.origin, turn);
    await running.started;
    const busy = pool.fakeUpstream.attempts()[0] ?? '';
    await writeFile(fileOf(pool, busy), '{');
    await eventually(async () => (await stateOf(pool))[busy]).toBe('broken-file');
    await eventually(async () => (await pool.account(busy)).warnings).toEqual([
      'the file is not JSON',
      expect.stringContaining('its last tokens are kept in .removed/'),
    ]);
    running.send(delta('late'), completed());
    running.end();
    expect(await client.whole()).toMatchObject({ status: 200, isBroken: false });
    await eventually(async () => (await stateOf(pool))[busy]).toBe('the file is not JSON');
    expect(pool.registry.list()).toHaveLength(1);
  });
});
