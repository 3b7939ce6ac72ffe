import { expect } from 'vitest';
import { byModel } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { type Received, send, type Sent } from '../clients/raw-client.js';
import { aTurn, type TestPool } from './pool.js';
import { forgiven, free, servesAs, standing, type Standing } from './ranked-accounts.js';

/** The header by which the proxy knows Codex. */
export const codex = { originator: 'codex_cli_rs' };

export const inSession = (name: string) => ({ 'session-id': name });

/** A turn that asks for this model. */
export const asking = (model: string, headers: Sent['headers'] = {}): Sent => ({
  headers,
  body: JSON.stringify(aTurn({ model })),
});

/** A response of the client and the accounts that its turn was sent to, in order. */
export interface Served {
  readonly response: Received;
  readonly asked: readonly string[];
}

export async function turn(pool: TestPool, sent: Sent = {}): Promise<Served> {
  const before = pool.fakeUpstream.attempts().length;
  const response = await send(pool, sent);
  return { response, asked: pool.fakeUpstream.attempts().slice(before) };
}

/** Requests an image; `asked` holds the accounts that the image request was sent to. */
export async function image(pool: TestPool, headers: Sent['headers'] = {}): Promise<Served> {
  const before = imageAttempts(pool).length;
  const body = JSON.stringify({ prompt: 'made up', model: 'gpt-image-2', size: 'auto' });
  const response = await send(pool, { path: '/v1/images/generations', headers, body });
  return { response, asked: imageAttempts(pool).slice(before) };
}

function imageAttempts({ fakeUpstream }: TestPool): string[] {
  return fakeUpstream.log
    .filter(({ method, path }) => method === 'POST' && path.endsWith('/images/generations'))
    .map((it) => it.account ?? '?');
}

export const namesIn = (pool: TestPool): string[] => pool.registry.list().map((it) => it.name);

/** Sets the response of every account to turns. */
export function everyone(pool: TestPool, responseOf: (name: string) => ScriptedResponse): void {
  for (const it of namesIn(pool)) pool.fakeUpstream.account(it).always(responseOf(it));
}

/** Makes every account serve turns. */
export const servesAll = (pool: TestPool): void => everyone(pool, servesAs);

/** The response of an account that refuses this model and serves all others. */
export const refusing = (model: string, refusal: ScriptedResponse) => (name: string) =>
  byModel((asked) => (asked === model ? refusal : servesAs(name)));

/** Makes every account serve again, turns and images, and forgets all evidence: for tests that share a pool. */
export async function startOver(pool: TestPool): Promise<void> {
  everyone(pool, servesAs);
  for (const it of namesIn(pool)) {
    pool.fakeUpstream.account(it).imagesAlways(null).clearQueue();
    await pool.client.patch(`/admin/accounts/${it}`).send({ paused: false }).expect(200);
  }
  await forgiven(pool);
  // A poll replaces quota that a response has reported.
  for (const it of namesIn(pool)) await pool.client.post(`/admin/accounts/${it}/poll`).expect(200);
}

/** Expects that no account is out. */
export async function expectAllFree(pool: TestPool): Promise<void> {
  const names = namesIn(pool);
  const standings: [string, Standing][] = [];
  for (const it of names) standings.push([it, await standing(pool, it)]);
  expect(Object.fromEntries(standings)).toEqual(Object.fromEntries(names.map((it) => [it, free])));
}

/** The error of a JSON response. */
export const errorIn = ({ body }: Received): unknown => JSON.parse(body.toString()).error;
