import { call } from '../../support/clients/raw-http.js';
import type { SeededRandom } from '../../support/seeded-random.js';
import { type IsOver, repeatedly } from './pacing.js';
import type { Tally } from './tally.js';

interface OperatorCall {
  readonly method?: string;
  readonly path: string;
  readonly body?: object;
  /** Statuses that the state of the moment may cause, besides 200. */
  readonly alsoAllowed?: readonly number[];
}

/** `account` is never the only one that can serve. */
const callsOn = (account: string): readonly OperatorCall[] => [
  { path: '/healthz' },
  { path: '/readyz' },
  { path: '/metrics' },
  { path: '/metrics' },
  { path: '/admin/accounts' },
  { path: `/admin/accounts/${account}/quota`, alsoAllowed: [503] }, // the database may be locked
  { path: '/admin/usage', alsoAllowed: [503] },
  { path: '/admin/requests' },
  { method: 'POST', path: `/admin/accounts/${account}/poll`, alsoAllowed: [502] }, // its token may have just expired
  { method: 'POST', path: `/admin/accounts/${account}/reset` },
  { method: 'POST', path: `/admin/accounts/${account}/refresh` },
  { method: 'PATCH', path: `/admin/accounts/${account}`, body: { paused: true } },
  { method: 'PATCH', path: `/admin/accounts/${account}`, body: { paused: false } },
  { path: '/v1/models?client_version=0.169.0' },
  { path: '/backend-api/wham/usage' },
  { path: '/backend-api/wham/settings/user' },
  { path: '/made-up', alsoAllowed: [404] },
];

/** The operator's calls, and the requests of clients that are not turns. */
export async function callAsOperator(
  origin: string,
  account: string,
  random: SeededRandom,
  tally: Tally,
  isOver: IsOver,
): Promise<void> {
  const calls = callsOn(account);
  let next = 0;
  await repeatedly(isOver, random, [50, 350], async () => {
    const { method = 'GET', path, body, alsoAllowed = [] } = calls[next % calls.length] ?? { path: '/' };
    next += 1;
    const headers = { 'content-type': 'application/json' };
    const response = await call(origin, {
      method,
      path,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    tally.count('operator calls');
    if ([200, ...alsoAllowed].includes(response.status)) return;
    tally.fail(`${method} ${path} returned ${response.status}: ${response.body.toString().slice(0, 500)}`);
  });
  const paused = await call(origin, {
    method: 'PATCH',
    path: `/admin/accounts/${account}`,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ paused: false }),
  });
  if (paused.status !== 200) tally.fail(`the account stays paused: ${paused.status}`);
}
