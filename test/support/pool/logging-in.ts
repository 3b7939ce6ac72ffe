import { setTimeout as pause } from 'node:timers/promises';
import { FakeClock, SECOND } from '../fake-clock.js';
import { accepts } from '../network/ports.js';
import { polled } from './first-poll.js';
import { TestPool, type TestPoolOptions } from './pool.js';
import { call, type RawResponse } from '../clients/raw-http.js';

/** Starts a pool whose browser logins return to any free port, with `new` as the account to log in. */
export async function startLogins(options: TestPoolOptions = {}) {
  const clock = new FakeClock();
  const pool = await TestPool.start({ accounts: [], loginPorts: [0], clock, ...options });
  await polled(pool);
  pool.fakeUpstream.addAccount({ name: 'new' });
  return { pool, clock, authorization: pool.fakeUpstream.authorization };
}

/** Begins a login and expects success. */
export async function begin(pool: TestPool, kind: 'browser' | 'device', body?: object) {
  const { body: login } = await pool.client.post(`/admin/login/${kind}`).send(body).expect(201);
  return login;
}

export async function stateOf(pool: TestPool, id: string) {
  return (await pool.client.get(`/admin/login/${id}`).expect(200)).body;
}

/** The response that a browser gets at this URL. */
export async function arrival(url: string, method = 'GET'): Promise<RawResponse> {
  const { origin, pathname, search } = new URL(url);
  return call(origin, { method, path: pathname + search });
}

/** The callback URL of a login, without its query. */
export function redirectOf({ url }: { url: string }): URL {
  return new URL(new URL(url).searchParams.get('redirect_uri') ?? '');
}

export async function isListening({ port }: URL): Promise<boolean> {
  return await accepts(Number(port));
}

/** Advances the clock until the login has this state; the device endpoint is polled meanwhile. */
export async function passing(pool: TestPool, clock: FakeClock, id: string, state: string) {
  const deadline = performance.now() + 5_000;
  for (;;) {
    clock.advance(5 * SECOND);
    clock.tick();
    const login = await stateOf(pool, id);
    if (login.state === state) return login;
    if (performance.now() > deadline) throw new Error(`${state} never came: ${JSON.stringify(login)}`);
    await pause(10);
  }
}
