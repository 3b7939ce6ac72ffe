import { describe, expect, it } from 'vitest';
import { usageFromFinalEvent } from './response-usage.js';

const event = (usage: unknown) =>
  JSON.stringify({ type: 'response.completed', response: { id: 'r', usage } });

describe('the token counts of a final event', () => {
  it('are read to the number', () => {
    const usage = {
      input_tokens: 12_345,
      input_tokens_details: { cached_tokens: 12_000 },
      output_tokens: 678,
      output_tokens_details: { reasoning_tokens: 99 },
      total_tokens: 13_023,
    };
    expect(usageFromFinalEvent(event(usage))).toEqual({
      input: 12_345,
      cached: 12_000,
      output: 678,
      reasoning: 99,
    });
  });

  it.each([
    ['missing', undefined],
    ['null', null],
    ['a word', 'lots'],
    ['empty', {}],
    ['negative', { input_tokens: -5 }],
  ])('are null when usage is %s', (_what, usage) => {
    expect(usageFromFinalEvent(event(usage))).toBeNull();
  });

  it('omit one absurd number and keep the rest', () => {
    const usage = { input_tokens: 5, output_tokens: 1e300, input_tokens_details: null };
    expect(usageFromFinalEvent(event(usage))).toEqual({ input: 5, cached: 0, output: 0, reasoning: 0 });
  });

  it('are null in half an event', () => {
    expect(usageFromFinalEvent('{"type":"response.completed","resp')).toBeNull();
  });
});
