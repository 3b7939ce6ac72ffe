import { expect } from 'vitest';
import { Drain } from '../../../src/runtime/drain.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { raw } from '../../../src/fake-upstream/script/responses.js';
import { framed, messageTurn } from '../../../src/fake-upstream/script/turn-events.js';
import { polled } from './first-poll.js';
import { TestPool, type TestPoolOptions } from './pool.js';
import { type Received, send, type Sent } from '../clients/raw-client.js';

/** How an account stands, as the operator sees it. */
export interface Standing {
  readonly available: boolean;
  readonly reason: string | null;
  readonly until: number | null;
}

export const free: Standing = { available: true, reason: null, until: null };
export const out = (reason: string, until: number | null): Standing => ({ available: false, reason, until });

const turns = new Map<string, Buffer>();

/** The turn that an account serves: each time the same bytes, in which nobody else is named. */
export function turnOf(name: string): Buffer {
  const known = turns.get(name);
  if (known !== undefined) return known;
  const made = Buffer.from(
    messageTurn(['served ', 'by ', name])
      .map((it) => framed(it))
      .join(''),
  );
  turns.set(name, made);
  return made;
}

/**
 * A pool whose turns go to the first account by name that may serve, whatever the others have left; every account
 * serves `turnOf` its name, and the first round of polls is over.
 */
export async function startRanked(options: TestPoolOptions = {}): Promise<TestPool> {
  const pool = await TestPool.start({
    ...options,
    env: { PROXY_POLICY: 'fill-first', ...options.env },
    prepare: async (fakeUpstream) => {
      for (const it of options.accounts ?? ['a', 'b']) {
        const name = typeof it === 'string' ? it : it.name;
        fakeUpstream.account(name).always(raw(turnOf(name), { 'x-served-by': name }));
      }
      await options.prepare?.(fakeUpstream);
    },
  });
  await polled(pool);
  return pool;
}

export async function standing(pool: TestPool, name: string): Promise<Standing> {
  const { available, reason, until } = await pool.account(name);
  return { available, reason, until };
}

/** The client got the turn of this account, to the byte, its headers, and nothing of anybody else. */
export function expectTurnOf(name: string, answer: Received): void {
  expect(answer).toMatchObject({
    status: 200,
    isBroken: false,
    headers: { 'x-codex-pool-account': name, 'x-served-by': name },
  });
  expect(answer.headers).not.toHaveProperty('x-codex-pool-error');
  expect(answer.body.toString()).toBe(turnOf(name).toString());
}

/** Sends a turn that `a` answers so, and sees that the client gets the turn of `b`; who was asked, in order. */
export async function movesToB(
  pool: TestPool,
  answers: readonly ScriptedResponse[],
  sent: Sent = {},
): Promise<string[]> {
  const before = pool.fakeUpstream.attempts().length;
  pool.fakeUpstream.account('a').answers(...answers);
  expectTurnOf('b', await send(pool, sent));
  return pool.fakeUpstream.attempts().slice(before);
}

/** Sends a turn, and sees that the client gets that of this account; who was asked, in order. */
export async function isServedBy(pool: TestPool, name: string, sent: Sent = {}): Promise<string[]> {
  const before = pool.fakeUpstream.attempts().length;
  expectTurnOf(name, await send(pool, sent));
  return pool.fakeUpstream.attempts().slice(before);
}

/** Forgets what is held against the accounts, for tests that share a pool. */
export async function forgiven(pool: TestPool): Promise<void> {
  for (const { name } of pool.registry.list())
    await pool.client.post(`/admin/accounts/${name}/reset`).expect(200);
}

/** Nothing is under way: at the door, on an account, or at upstream. */
export async function expectQuiet(pool: TestPool): Promise<void> {
  await expect.poll(() => pool.running.app.get(Drain).inFlight).toBe(0);
  const { body } = await pool.client.get('/admin/accounts').expect(200);
  expect(body.map((it: { inFlight: number }) => it.inFlight)).toEqual(body.map(() => 0));
  await pool.fakeUpstream.untilIdle();
}
