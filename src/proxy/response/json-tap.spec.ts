import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { compaction } from '../../fake-upstream/script/compaction.js';
import { JsonTap } from './json-tap.js';

const tokens = { input: 900, cached: 700, output: 50, reasoning: 20 };

/** Gives a body to a tap in pieces of this size. */
function tapped(body: string, pieceBytes = 1_000) {
  const ids: string[] = [];
  const tap = new JsonTap((id) => ids.push(id));
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += pieceBytes) tap.push(bytes.subarray(at, at + pieceBytes));
  return { counted: tap.counted, ids };
}

const big = 'y'.repeat(3 * limits.jsonTapBytes);
const usage = { input_tokens: 1, output_tokens: 2 };
const counts = { input: 1, cached: 0, output: 2, reasoning: 0 };

describe('a JSON body', () => {
  it.each([1, 7, 1_000, 10_000_000])('is read in pieces of %i bytes', (pieceBytes) => {
    expect(tapped(JSON.stringify(compaction('a')), pieceBytes)).toEqual({
      counted: tokens,
      ids: ['resp_of_a'],
    });
    const spread = JSON.stringify(compaction('ü'), null, 2);
    expect(tapped(spread, pieceBytes)).toEqual({ counted: tokens, ids: ['resp_of_ü'] });
  });

  it.each([100, 16_384, 65_536, 10_000_000])('of megabytes is read in pieces of %i bytes', (pieceBytes) => {
    const body = JSON.stringify(compaction('a', { contentBytes: 2_000_000 }));
    expect(tapped(body, pieceBytes)).toEqual({ counted: tokens, ids: ['resp_of_a'] });
  });

  it('is read even if usage comes before the output', () => {
    expect(tapped(JSON.stringify({ usage, output: big, z: big })).counted).toEqual(counts);
    expect(tapped(JSON.stringify({ output: [{ usage: { input_tokens: 7 } }], usage })).counted).toEqual(
      counts,
    );
    expect(tapped(JSON.stringify({ usage, output: [{ usage: { input_tokens: 7 } }] })).counted).toEqual(
      counts,
    );
    expect(tapped(JSON.stringify({ response: { usage } })).counted).toEqual(counts);
  });

  it('does not take model output for usage', () => {
    const output = JSON.stringify({ usage: { input_tokens: 5, output_tokens: 5 } });
    expect(tapped(JSON.stringify({ usage, output, big })).counted).toEqual(counts);
    expect(tapped(JSON.stringify({ usage, big, output })).counted).toEqual(counts);
    expect(tapped(JSON.stringify({ big, output })).counted).toBeNull();
  });

  it.each([
    '',
    '{}',
    'null',
    '[]',
    '<html>',
    '{"usage":null}',
    '{"usage":{}}',
    '{"usage":{"input_tokens":"7"}}',
    '{"usage":{"input_tokens":-1,"output_tokens":1.5}}',
    '{"usage":{"input_tokens":7',
    `{"a":"${big}","usage":{"input_tokens":`,
    `{"a":"${big}${big}"}`,
    '"usage":{'.repeat(50_000),
  ])('has no tokens if it has no proper usage', (body) => {
    expect(tapped(body)).toEqual({ counted: null, ids: [] });
  });

  it('names its id only if it is a response with an id of sensible length', () => {
    expect(tapped('{"id":"img_1","object":"image"}').ids).toEqual([]);
    expect(tapped(JSON.stringify({ id: 'r'.repeat(300), object: 'response' })).ids).toEqual([]);
    expect(tapped(`${' '.repeat(1_000)}{"id":"resp_1","object":"response"}`).ids).toEqual([]);
  });
});
