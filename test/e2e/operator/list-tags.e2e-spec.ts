import { expect, it } from 'vitest';
import { z } from 'zod';
import { loginSchema } from '../../../src/api/login.js';
import { FakeClock } from '../../support/fake-clock.js';
import { begin } from '../../support/pool/logging-in.js';
import { startRanked } from '../../support/pool/ranked-accounts.js';

it.each<[string, (pool: Awaited<ReturnType<typeof startRanked>>) => PromiseLike<unknown>]>([
  ['/admin/accounts', (pool) => pool.client.patch('/admin/accounts/a').send({ label: 'x' }).expect(200)],
  ['/admin/login', (pool) => begin(pool, 'device')],
  ['/admin/requests', (pool) => pool.turn().expect(200)],
  ['/admin/affinity', (pool) => pool.turn({ 'session-id': 's' }).expect(200)],
])('%s has a tag that changes with the list', async (path, change) => {
  await using pool = await startRanked({ clock: new FakeClock() });
  const first = await pool.client.get(path).expect(200);
  const etag = first.headers['etag'] ?? '';
  expect(etag).toMatch(/^W\/"/);
  await pool.client.get(path).set('if-none-match', etag).expect(304);
  await change(pool);
  const next = await pool.client.get(path).set('if-none-match', etag).expect(200);
  expect(next.headers['etag']).not.toBe(etag);
});

it('GET /admin/login lists the logins, newest first, without secrets', async () => {
  await using pool = await startRanked({ loginPorts: [0] });
  const device = await begin(pool, 'device');
  const browser = await begin(pool, 'browser');
  const { body, text } = await pool.client.get('/admin/login').expect(200);
  const logins = z.array(loginSchema).parse(body);
  expect(logins.map((it) => [it.id, it.kind, it.state])).toEqual([
    [browser.id, 'browser', 'waiting'],
    [device.id, 'device', 'waiting'],
  ]);
  expect(text).not.toContain('code_challenge');
});
