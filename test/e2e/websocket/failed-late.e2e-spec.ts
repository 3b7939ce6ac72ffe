import { describe, expect, it } from 'vitest';
import { errorEvent } from '../../../src/fake-upstream/websocket/events.js';
import { messages } from '../../../src/fake-upstream/script/socket-script.js';
import {
  created,
  delta,
  failed,
  messageAdded,
  type TurnEvent,
} from '../../../src/fake-upstream/script/turn-events.js';
import { TestPool } from '../../support/pool/pool.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';

const fillFirst = { PROXY_POLICY: 'fill-first' };
const begun = [created(), messageAdded(), delta('one '), delta('two '), delta('three')];
const types = ['response.created', 'response.output_item.added', ...begun.slice(2).map((it) => it.type)];

describe('a failure after output on a WebSocket', () => {
  it.each<[string, TurnEvent, string, string | null]>([
    ['a limit', failed('usage_limit_reached'), 'quota-exhausted', 'quota-exhausted'],
    [
      'an error message with a limit',
      errorEvent(429, { type: 'usage_limit_reached' }),
      'quota-exhausted',
      'quota-exhausted',
    ],
    ['a rate limit', failed('rate_limit_exceeded', 'try again in 40s'), 'rate-limited', 'rate-limited'],
    ['a deactivation', failed('account_deactivated'), 'deactivated', 'deactivated'],
    ['an overload', failed('server_is_overloaded'), 'overloaded', null],
  ])('is passed on, and another account serves the next turn: %s', async (_case, event, kind, reason) => {
    await using pool = await TestPool.start({ env: fillFirst });
    await using client = await SocketClient.connect(pool.origin);
    pool.fakeUpstream.account('a').sockets.answers(messages(...begun, event));
    const got = await client.turn();
    expect(got.map(typeOf)).toEqual([...types, event.type]);
    expect(JSON.parse(got.at(-1)?.bytes.toString() ?? '')).toEqual(event);
    await expect.poll(async () => (await pool.account('a')).reason).toBe(reason);
    const { body } = await pool.client.get('/admin/requests').expect(200);
    expect(JSON.stringify(body)).toContain(`"failedLate":"${kind}"`);
    expect(JSON.stringify(body)).toContain('"result":"failed"');
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
    expect(await pool.account('a')).toMatchObject({ inFlight: 0, totals: { turns: 0 } });
  });

  it('blames no account if it concerns the turn itself, and the session stays on its account', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    await using client = await SocketClient.connect(pool.origin);
    pool.fakeUpstream.account('a').sockets.answers(messages(...begun, failed('context_length_exceeded')));
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.failed');
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a']);
    expect((await pool.account('a')).reason).toBeNull();
  });

  it('ends the socket of a client whose next turn continues a response, so that another account serves it', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    await using client = await SocketClient.connect(pool.origin);
    pool.fakeUpstream.account('a').sockets.answers(messages(...begun, failed('server_is_overloaded')));
    await client.turn();
    expect(await client.turn({ previous_response_id: 'resp_before' })).toEqual([]);
    expect(await client.closed).toMatchObject({ code: 1012 });
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    expect((await again.turn()).map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
  });

  it('does not reach the client if it is a 401: its socket closes, and the token is renewed', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await using client = await SocketClient.connect(pool.origin);
    const grants = () => pool.fakeUpstream.log.filter((it) => it.path.endsWith('/oauth/token')).length;
    const before = grants();
    pool.fakeUpstream
      .account('a')
      .sockets.answers(messages(...begun, errorEvent(401, { code: 'token_expired', message: 'made-up' })));
    expect((await client.turn()).map(typeOf)).not.toContain('error');
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(client.messages.map(typeOf)).toEqual(types);
    await expect.poll(grants).toBe(before + 1);
    expect((await pool.account('a')).inFlight).toBe(0);
  });
});
