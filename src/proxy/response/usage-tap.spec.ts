import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import {
  completed,
  created,
  delta,
  framed,
  incomplete,
  type TurnEvent,
} from '../../fake-upstream/script/turn-events.js';
import { UsageTap } from './usage-tap.js';

/** The ids that a tap reports for a stream that arrives byte by byte. */
function idsOf(...events: readonly TurnEvent[]): string[] {
  const ids: string[] = [];
  const tap = new UsageTap({
    onResponseId: (id) => void ids.push(id),
    onFault: (error) => expect.fail(String(error)),
  });
  for (const byte of Buffer.from(events.map((it) => framed(it)).join(''))) tap.observe(Buffer.from([byte]));
  return ids;
}

describe('the id of a response', () => {
  it.each([
    ['its first event, once', idsOf(created('resp_1'), delta('x'), completed(undefined, 'resp_1'))],
    ['its first event, when the stream is cut', idsOf(created('resp_1'), delta('x'))],
    ['its last event, when the first was not seen', idsOf(delta('x'), completed(undefined, 'resp_1'))],
    ['an incomplete end', idsOf(incomplete('max_output_tokens', 'resp_1'))],
    [
      'an event in which it does not come first',
      idsOf({ type: 'response.created', response: { x: 1, id: 'resp_1' } }),
    ],
  ])('is taken from %s', (_where, ids) => {
    expect(ids).toEqual(['resp_1']);
  });

  it.each([
    ['the text of a delta', idsOf(delta('{"response":{"id":"resp_1"}}'))],
    ['the id of anything else', idsOf({ type: 'response.created', item: { id: 'resp_1' }, response: {} })],
    ['an id that is too long', idsOf(created('r'.repeat(limits.pinnedIdChars + 1)))],
  ])('is not taken from %s', (_what, ids) => {
    expect(ids).toEqual([]);
  });
});

describe('a failure after output', () => {
  const error = { code: 'usage_limit_reached', message: 'limit', resets_at: 2_000_000_000 };
  it.each([
    ['response.failed', { type: 'response.failed', response: { id: 'resp_1', error } }],
    ['a nested error event', { type: 'error', error }],
    ['a top-level error event', { type: 'error', ...error }],
  ])('is read from %s, wherever the stream is split', (_name, event) => {
    for (const text of [framed(event), framed(event).replaceAll('\n', '\r\n')]) {
      const tap = new UsageTap({ onResponseId: () => {}, onFault: (it) => expect.fail(String(it)) });
      for (const byte of Buffer.from(framed(delta('x')) + text)) tap.observe(Buffer.from([byte]));
      expect(tap.failure).toMatchObject({
        envelope: { codes: ['usage_limit_reached'], resetsAt: 2_000_000_000 },
      });
    }
  });
});
