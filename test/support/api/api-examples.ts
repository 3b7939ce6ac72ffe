import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DoctorChecks } from '../../../src/admin/doctor/doctor-checks.js';
import type { DoctorReport } from '../../../src/api/doctor.js';
import { loginOf, newLogin } from '../pool/admin.js';
import { begin } from '../pool/logging-in.js';
import type { TestPool } from '../pool/pool.js';

/** Right input for a route, and the status that it leads to. */
export interface ApiExample {
  /** Values of the parameters in the path, by name. */
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Default: 200. */
  readonly status?: number;
}

/** `PROXY_ADMIN_TOKEN`, for the routes that need one. */
export const adminToken = 'made-up-admin-token';
export const routesWithToken: ReadonlySet<string> = new Set(['POST /admin/session']);

/** The accounts that the examples use. */
export const exampleAccounts = ['a', 'changed', 'deleted', 'gone', 'rewritten'] as const;

/** Prepares a pool with these accounts, and returns the right input. All examples use the same pool. */
type Example = (pool: TestPool) => ApiExample | Promise<ApiExample>;

const span = { from: '2020-01-01', to: '2100-01-01T00:00:00Z', limit: '10' };
const ofAccount: Example = () => ({ params: { name: 'a' } });
const ofLogin: Example = async (pool) => ({ params: { id: (await begin(pool, 'device')).id } });

const ofSession = async (pool: TestPool): Promise<ApiExample> => {
  await pool.turn({ 'session-id': 's' });
  const [{ session }] = (await pool.client.get('/admin/affinity')).body;
  return { params: { session } };
};

const exampleReport: DoctorReport = {
  version: '1.0.0',
  node: '24.0.0',
  npm: null,
  platform: 'linux',
  arch: 'x64',
  checks: [
    { check: 'Node', fact: '24.0.0', findings: [] },
    {
      check: 'Codex',
      fact: 'not found',
      findings: [
        {
          code: 'codex-not-found',
          level: 'note',
          problem: 'The file is missing.',
          why: 'So.',
          repair: 'Install it.',
        },
      ],
    },
  ],
};

/** Examples by route; a route needs at least one. */
export const apiExamples: Readonly<Record<string, readonly Example[]>> = {
  'GET /admin/accounts': [() => ({})],
  'POST /admin/accounts': [
    (pool) => ({ body: { name: 'new', auth: newLogin(pool, 'new') }, status: 201 }),
    (pool) => ({ body: [newLogin(pool, 'good'), {}], status: 207 }),
  ],
  'GET /admin/accounts/{name}': [
    ofAccount,
    async (pool) => {
      await writeFile(join(pool.folder, 'pool', 'broken.json'), '{}');
      await pool.registry.reload();
      return { params: { name: 'broken' } };
    },
  ],
  'PATCH /admin/accounts/{name}': [
    () => ({
      params: { name: 'changed' },
      body: { paused: true, label: 'Work', priority: 2, reserve: 0.1, maxInFlight: 3, credits: 'never' },
    }),
  ],
  'DELETE /admin/accounts/{name}': [() => ({ params: { name: 'deleted' } })],
  'GET /admin/accounts/{name}/quota': [() => ({ params: { name: 'a' }, query: { since: '0', limit: '5' } })],
  'POST /admin/accounts/{name}/refresh': [ofAccount],
  'POST /admin/accounts/{name}/reset': [ofAccount],
  'POST /admin/accounts/{name}/poll': [ofAccount],
  'POST /admin/reload': [
    async (pool) => {
      await pool.writeAuth('rewritten', loginOf(pool, 'rewritten', Date.now() + 1_000));
      await rm(join(pool.folder, 'pool', 'gone.json'));
      return {};
    },
  ],
  'GET /admin/login': [
    async (pool) => {
      await begin(pool, 'device');
      return {};
    },
  ],
  'POST /admin/login/browser': [() => ({ body: { name: 'new' }, status: 201 })],
  'POST /admin/login/device': [() => ({ status: 201 })],
  'GET /admin/login/{id}': [ofLogin],
  'DELETE /admin/login/{id}': [ofLogin],
  'POST /admin/login/{id}/callback': [
    async (pool) => {
      const { id, url } = await begin(pool, 'browser');
      pool.fakeUpstream.addAccount({ name: 'person' });
      return { params: { id }, body: { url: pool.fakeUpstream.authorization.allow(url, 'person') } };
    },
  ],
  'GET /admin/summary': [() => ({})],
  'GET /admin/doctor': [
    async (pool) => {
      // Made up: the real checks take seconds; doctor.e2e-spec makes them.
      const cli = join(pool.folder, 'checks.mjs');
      await writeFile(cli, `console.log(${JSON.stringify(JSON.stringify(exampleReport))})`);
      pool.running.app.get(DoctorChecks).cli = cli;
      return {};
    },
  ],
  'GET /admin/settings': [() => ({})],
  'PATCH /admin/settings': [() => ({ body: { policy: 'fill-first', debug: false, notifyUrl: null } })],
  'GET /admin/affinity': [
    async (pool) => {
      await pool.turn({ 'session-id': 's' });
      return { query: { limit: '5' } };
    },
  ],
  'GET /admin/affinity/{session}': [ofSession],
  'PUT /admin/affinity/{session}': [async (pool) => ({ ...(await ofSession(pool)), body: { account: 'a' } })],
  'DELETE /admin/affinity/{session}': [ofSession],
  'DELETE /admin/affinity': [() => ({ query: { account: 'a' } })],
  'GET /admin/events': [() => ({})],
  'GET /admin/requests': [
    async (pool) => {
      await pool.turn({ 'session-id': 's' });
      return { query: { ...span, outcome: 'success', model: 'gpt-5.5' } };
    },
  ],
  'GET /admin/requests/{id}': [
    async (pool) => {
      await pool.turn();
      const [{ id }] = (await pool.client.get('/admin/requests')).body;
      return { params: { id } };
    },
  ],
  'GET /admin/usage': [
    async (pool) => {
      await pool.turn();
      return { query: { ...span, by: 'account', bucket: 'day', tz: 'Europe/Berlin' } };
    },
    () => ({}),
  ],
  'GET /admin/usage.csv': [() => ({ query: { ...span, by: 'model' } })],
  'GET /healthz': [() => ({})],
  'GET /readyz': [() => ({})],
  'GET /metrics': [() => ({})],
  'GET /admin/openapi.json': [() => ({})],
  'GET /admin/docs': [() => ({})],
  'GET /admin/session': [() => ({})],
  'POST /admin/session': [() => ({ body: { token: adminToken }, status: 204 })],
  'DELETE /admin/session': [() => ({ status: 204 })],
};
