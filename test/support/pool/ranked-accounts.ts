import { expect } from 'vitest';
import { Drain } from '../../../src/runtime/drain.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { raw } from '../../../src/fake-upstream/script/responses.js';
import { framed, messageTurn } from '../../../src/fake-upstream/script/turn-events.js';
import { polled } from './first-poll.js';
import { TestPool, type TestPoolOptions } from './pool.js';
import { type Received, send, type Sent } from '../clients/raw-client.js';

/** The availability of an account, as the operator sees it. */
export interface Standing {
  readonly available: boolean;
  readonly reason: string | null;
  readonly until: number | null;
}

export const free: Standing = { available: true, reason: null, until: null };
export const out = (reason: string, until: number | null): Standing => ({ available: false, reason, until });

const turns = new Map<string, Buffer>();

/** The turn that an account serves: always the same bytes, which name no other account. */
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

/** The response of an account that serves: `turnOf` its name. */
export const servesAs = (name: string): ScriptedResponse => raw(turnOf(name), { 'x-served-by': name });

/**
 * Starts a pool whose turns go to the first available account by name, whatever quota the others have left. Every
 * account serves `turnOf` its name, and the first round of polls is over.
 */
export async function startRanked(options: TestPoolOptions = {}): Promise<TestPool> {
  const pool = await TestPool.start({
    ...options,
    env: { PROXY_POLICY: 'fill-first', ...options.env },
    prepare: async (fakeUpstream) => {
      for (const it of options.accounts ?? ['a', 'b']) {
        const name = typeof it === 'string' ? it : it.name;
        fakeUpstream.account(name).always(servesAs(name));
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

/** Checks that the client received exactly the bytes and headers of this account's turn. */
export function expectTurnOf(name: string, response: Received): void {
  expect(response).toMatchObject({
    status: 200,
    isBroken: false,
    headers: { 'x-codex-pool-account': name, 'x-served-by': name },
  });
  expect(response.headers).not.toHaveProperty('x-codex-pool-error');
  expect(response.body.toString()).toBe(turnOf(name).toString());
}

/** Sends a turn to which `a` responds as given, and checks that `b` serves it; returns the accounts tried, in order. */
export async function movesToB(
  pool: TestPool,
  responses: readonly ScriptedResponse[],
  sent: Sent = {},
): Promise<string[]> {
  const before = pool.fakeUpstream.attempts().length;
  pool.fakeUpstream.account('a').answers(...responses);
  expectTurnOf('b', await send(pool, sent));
  return pool.fakeUpstream.attempts().slice(before);
}

/** Sends a turn and checks that this account serves it; returns the accounts tried, in order. */
export async function isServedBy(pool: TestPool, name: string, sent: Sent = {}): Promise<string[]> {
  const before = pool.fakeUpstream.attempts().length;
  expectTurnOf(name, await send(pool, sent));
  return pool.fakeUpstream.attempts().slice(before);
}

/** Resets all accounts, for tests that share a pool. */
export async function forgiven(pool: TestPool): Promise<void> {
  for (const { name } of pool.registry.list())
    await pool.client.post(`/admin/accounts/${name}/reset`).expect(200);
}

/** Checks that nothing is in flight: in the drain, on an account, or at upstream. */
export async function expectQuiet(pool: TestPool): Promise<void> {
  await expect.poll(() => pool.running.app.get(Drain).inFlight).toBe(0);
  const { body } = await pool.client.get('/admin/accounts').expect(200);
  expect(body.map((it: { inFlight: number }) => it.inFlight)).toEqual(body.map(() => 0));
  await pool.fakeUpstream.untilIdle();
}
