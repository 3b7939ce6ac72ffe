import { z } from 'zod';
import type { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { call, type RawResponse } from '../../support/clients/raw-http.js';
import { eventually } from '../../support/eventually.js';
import type { SeededRandom } from '../../support/seeded-random.js';
import { type IsOver, repeatedly } from './pacing.js';
import type { Tally } from './tally.js';

const LOGIN_LIMIT_MS = 20_000;
/** The account that logs in by each way, again and again. */
export const newcomers = { browser: 'by-browser', device: 'by-device' } as const;

const begunSchema = z.object({ id: z.string(), url: z.string().optional(), userCode: z.string().optional() });
const stateSchema = z.object({ state: z.string() });

/** Logins by browser and by device code, through the operator's API. Some are cancelled. */
export async function logIn(
  origin: string,
  fakeUpstream: FakeUpstream,
  random: SeededRandom,
  tally: Tally,
  isOver: IsOver,
): Promise<void> {
  const { authorization } = fakeUpstream;
  authorization.device.interval = '1';
  const request = async (method: string, path: string, body?: object): Promise<RawResponse> =>
    await call(origin, {
      method,
      path,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const work = async (kind: 'browser' | 'device'): Promise<void> => {
    const name = newcomers[kind];
    const response = await request('POST', `/admin/login/${kind}`, { name });
    if (response.status === 409) {
      tally.count('login ports taken'); // another program on this machine has them
      return;
    }
    if (response.status !== 201) {
      tally.fail(`a login by ${kind} did not begin: ${response.status} ${response.body.toString()}`);
      return;
    }
    const { id, url, userCode } = begunSchema.parse(JSON.parse(response.body.toString()));
    const path = `/admin/login/${id}`;
    if (random.happens(0.2)) {
      const { status } = await request('DELETE', path);
      if (status === 200) tally.count(`cancelled by ${kind}`);
      else tally.fail(`cancelling a login returned ${status}`);
      return;
    }
    if (userCode !== undefined) authorization.device.approve(userCode, name);
    if (url !== undefined) {
      const callback = new URL(authorization.allow(url, name));
      await call(callback.origin, { path: callback.pathname + callback.search });
    }
    let end = '';
    await eventually(async () => {
      const { body } = await request('GET', path);
      end = body.toString();
      const { state } = stateSchema.parse(JSON.parse(end));
      return state === 'succeeded' || state === 'failed' ? null : `a login by ${kind}: ${end}`;
    }, LOGIN_LIMIT_MS);
    if (end.includes('"state":"succeeded"')) tally.count(`logged in by ${kind}`);
    // Its account was refreshed between the login's approval and its end, so the pool keeps those tokens.
    else if (end.includes('"code":"older_tokens"')) tally.count('logins overtaken by a refresh');
    else tally.fail(`a login by ${kind}: ${end}`);
  };
  await Promise.all(
    (['browser', 'device'] as const).map(async (kind) =>
      repeatedly(isOver, random, [1_000, 3_000], async () => await work(kind)),
    ),
  );
}
