import { describe, expect, it } from 'vitest';
import { requestSchema, type RequestView } from '../../../src/api/request.js';
import { deltaSchema, snapshotSchema } from '../../../src/api/events.js';
import { limits } from '../../../src/config/limits.js';
import { hangs, raw } from '../../../src/fake-upstream/script/responses.js';
import { EventPage } from '../../support/clients/event-page.js';
import { FakeClock } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { turnOf } from '../../support/pool/ranked-accounts.js';

const ACCOUNTS = 200;
const TURNS = 30;
const names = Array.from({ length: ACCOUNTS }, (_, n) => `account-${String(n).padStart(3, '0')}`);

/** Bytes of a value as JSON. */
const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const largest = (values: readonly unknown[]): number => Math.max(...values.map(bytesOf));

describe('a pool of 200 accounts', { timeout: 60_000 }, () => {
  it('shows changes under load in few bytes, and all candidates of one request', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: names, clock });
    await polled(pool);
    const held = names.map((name) => {
      const response = hangs(raw(turnOf(name)));
      pool.fakeUpstream.account(name).answers(response);
      return response;
    });
    using page = await EventPage.open(pool.origin);
    const [first] = await page.until(1);
    expect(snapshotSchema.parse(JSON.parse(first?.text ?? '')).accounts).toHaveLength(ACCOUNTS);
    const turns = Promise.allSettled(
      Array.from({ length: TURNS }, async () => await pool.turn().expect(200)),
    );
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === TURNS, 'all turns');
    clock.tick();
    const [, event] = await page.until(2);
    const delta = deltaSchema.parse(JSON.parse(event?.text ?? ''));
    expect(delta.requests).toHaveLength(TURNS);
    const sizes = {
      delta: Buffer.byteLength(event?.text ?? ''),
      request: largest(delta.requests ?? []),
      account: largest(delta.accounts ?? []),
    };
    process.stdout.write(`200 accounts, 30 turns begin: ${JSON.stringify(sizes)}\n`);
    expect(sizes.request).toBeLessThan(1_500);
    expect(sizes.delta).toBeLessThan(TURNS * (1_500 + 1_500) + 20_000);
    for (const it of delta.requests ?? []) {
      expect(it.candidates).toHaveLength(limits.listedCandidates);
      expect(it.moreCandidates).toBe(ACCOUNTS - limits.listedCandidates);
    }
    for (const it of held) it.release();
    expect((await turns).map((it) => it.status)).toEqual(Array(TURNS).fill('fulfilled'));

    const { body } = await pool.client.get('/admin/requests?limit=1000').expect(200);
    const listed: RequestView[] = requestSchema.array().parse(body);
    expect(largest(listed)).toBeLessThan(1_500);
    for (const it of listed) expect(it.candidates.map(({ account }) => account)).toContain(it.account);
    const { body: whole } = await pool.client.get(`/admin/requests/${listed[0]?.id}`).expect(200);
    expect(requestSchema.parse(whole)).not.toHaveProperty('moreCandidates');
    expect(whole.candidates.map((it: { account: string }) => it.account).toSorted()).toEqual(names);
  });
});
