import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { LITTLE_USED } from '../../../src/fake-upstream/script/quota.js';
import { type BareMessage, type BareSocket, BareUpstream } from '../../support/clients/bare-sockets.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { SeededRandom } from '../../support/seeded-random.js';

const KiB = 1_024;
const MiB = 1_024 * KiB;
const text = (it: string): BareMessage => ({ bytes: Buffer.from(it), isBinary: false });

/** The position where two lists of messages differ, without printing megabytes. */
function difference(came: readonly BareMessage[], sent: readonly BareMessage[]): object {
  const fault = sent.findIndex((it, at) => {
    const other = came[at];
    return other === undefined || other.isBinary !== it.isBinary || !other.bytes.equals(it.bytes);
  });
  return { firstFault: fault, missing: sent.length - came.length };
}
const same = { firstFault: -1, missing: 0 };

async function crossed(
  { client, upstream }: { client: BareSocket; upstream: BareSocket },
  fromClient: readonly BareMessage[],
  fromUpstream: readonly BareMessage[],
): Promise<object> {
  for (let at = 0; at < Math.max(fromClient.length, fromUpstream.length); at += 1) {
    const [out, back] = [fromClient[at], fromUpstream[at]];
    if (out !== undefined) client.send(out);
    if (back !== undefined) upstream.send(back);
  }
  return {
    toUpstream: difference(await upstream.gets(fromClient.length), fromClient),
    toClient: difference(await client.gets(fromUpstream.length), fromUpstream),
  };
}

const sizes = [0, 1, 125, 126, 65_535, 65_536, 1_000, 70 * KiB, 300 * KiB, 2 * MiB];
const alphabets = ['{"type" :\t"response.created" , "x":1.50}', 'ünïcode ☃ 𝄞 \\u0000', ' \n\r\t'];

function randomMessage(random: SeededRandom): BareMessage {
  const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(random.next() * all.length)];
  const size = pick(random.happens(0.1) ? sizes : sizes.slice(0, 4)) ?? 0;
  const isBinary = random.happens(0.3);
  const isBroken = isBinary || random.happens(0.3);
  const bytes = Buffer.alloc(size);
  if (isBroken) for (let at = 0; at < size; at += 1) bytes[at] = Math.floor(random.next() * 256);
  else bytes.fill(pick(alphabets) ?? ' ');
  return { bytes, isBinary };
}

describe('messages on a WebSocket', () => {
  it('pass unchanged in both directions throughout a recorded conversation', async () => {
    await using upstream = await BareUpstream.start();
    await using pool = await TestPool.start({ env: upstream.env });
    const ends = await upstream.through(pool.origin);
    const toUpstream = [
      '{"type":"response.create","model":"gpt-5.5","instructions":"made-up","input":[],"generate":false,"client_metadata":{"x":"1"}}',
      '{"type":"response.create","model":"gpt-5.5","previous_response_id":"resp_1","input":[{"role":"user","content":"hé \\u00e9"}]}',
    ].map(text);
    const responses = [
      [
        '{"type":"response.created", "response":{"id":"resp_1"},"sequence_number":0}',
        '{"type":"response.metadata","headers":{"x-codex-turn-state":"made-up"}}',
        '{"type":"response.completed","response":{"id":"resp_1","usage":{"input_tokens":7,"output_tokens":0}}}',
      ],
      [
        '{"type":"response.created","response":{"id":"resp_2"}}',
        '{"type":"response.output_item.added","item":{"type":"message","id":"msg_1"}}',
        '{"type":"response.output_text.delta","delta":"wörd \\ud834\\udd1e","n":1.0}',
        '{ "response":{"id":"resp_2","usage":{"input_tokens":7,"output_tokens":2}}, "type" : "response.completed" }',
        '{"type":"responsesapi.websocket_timing","timing":[1,2]}',
      ],
    ].map((it) => it.map(text));
    for (const [at, message] of toUpstream.entries()) {
      ends.client.send(message);
      await ends.upstream.gets(at + 1);
      for (const it of responses[at] ?? []) ends.upstream.send(it);
      await ends.client.gets(responses.slice(0, at + 1).flat().length);
    }
    expect(difference(ends.upstream.messages, toUpstream)).toEqual(same);
    expect(difference(ends.client.messages, responses.flat())).toEqual(same);
    const { totals, inFlight } = await pool.account(accountOf(await pool.client.get('/admin/requests')));
    expect({ inFlight, turns: totals.turns }).toEqual({ inFlight: 0, turns: 1 }); // the first is a prewarm
  });

  it.each([1, 2, 3])(
    'pass unchanged and in order, in both directions at once, when they are random (%i)',
    async () => {
      const seed = randomInt(2 ** 31);
      const random = new SeededRandom(seed);
      await using upstream = await BareUpstream.start();
      await using pool = await TestPool.start({ env: upstream.env });
      const ends = await upstream.through(pool.origin);
      const some = (): BareMessage[] => Array.from({ length: 120 }, () => randomMessage(random));
      expect(await crossed(ends, some(), some()), `seed ${seed}`).toEqual({
        toUpstream: same,
        toClient: same,
      });
    },
  );

  it('pass unchanged at 16 MiB, in both directions at once', async () => {
    await using upstream = await BareUpstream.start();
    await using pool = await TestPool.start({ env: upstream.env });
    const ends = await upstream.through(pool.origin);
    const large = { bytes: Buffer.alloc(16 * MiB, 'made-up é '), isBinary: false };
    const turn = text('{"type":"response.create","model":"m","input":[]}');
    const around = [turn, large, { ...large, isBinary: true }, text('')];
    expect(await crossed(ends, around, around.slice(1))).toEqual({ toUpstream: same, toClient: same });
  });

  it('pass unchanged except for codex.rate_limits, which gets the pool’s numbers and keeps the rest', async () => {
    await using upstream = await BareUpstream.start();
    await using pool = await TestPool.start({
      env: upstream.env,
      prepare: (it) => {
        it.account('b').usage(...LITTLE_USED);
      },
    });
    await polled(pool);
    const ends = await upstream.through(pool.origin);
    const quota = {
      type: 'codex.rate_limits',
      plan_type: 'plus',
      rate_limits: {
        allowed: true,
        primary: { used_percent: 90, window_minutes: 300, reset_at: 2_000_000_000, odd: 1 },
        secondary: null,
        odd: 'kept',
      },
      credits: { balance: 'kept' },
    };
    const other = text(JSON.stringify({ ...quota, metered_limit_name: 'another_meter' }));
    ends.upstream.text(JSON.stringify(quota));
    ends.upstream.send(other);
    const [mine, theirs] = await ends.client.gets(2);
    const json = JSON.parse(mine?.bytes.toString() ?? '');
    expect(json).toMatchObject({
      ...quota,
      rate_limits: {
        ...quota.rate_limits,
        primary: { window_minutes: 300, odd: 1 },
        secondary: expect.anything(),
      },
    });
    // One account has used 90 %, the other nearly nothing; both have the same plan.
    expect(json.rate_limits.primary.used_percent).toBeGreaterThan(40);
    expect(json.rate_limits.primary.used_percent).toBeLessThan(60);
    expect(theirs?.bytes.equals(other.bytes)).toBe(true);
  });
});

function accountOf({ body }: { body: { attempts: { account: string }[] }[] }): string {
  return body.flatMap((it) => it.attempts)[0]?.account ?? '';
}
