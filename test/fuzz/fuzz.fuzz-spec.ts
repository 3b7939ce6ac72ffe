import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { kinds } from './kinds.js';
import { Fuzz } from './fuzz.js';

const numberIn = (name: string): number | null => {
  const text = process.env[name] ?? '';
  return text === '' ? null : Number(text);
};

/** `FUZZ_SEED` repeats the inputs of a run, `FUZZ_BATCH` one batch of it, `FUZZ_INPUT` one input of that batch. */
const seed = numberIn('FUZZ_SEED') ?? randomInt(2 ** 31);
const seconds = numberIn('FUZZ_SECONDS') ?? 60;

describe('a fuzz of the wire', () => {
  it('leaves the program alive, empty, quick and discreet after every batch', async () => {
    process.stdout.write(`fuzz with FUZZ_SEED=${seed}, ${seconds} s\n`);
    const options = { seed, seconds, batch: numberIn('FUZZ_BATCH'), input: numberIn('FUZZ_INPUT'), kinds };
    const { batches, inputs, failure } = await new Fuzz(options).run();
    process.stdout.write(`${inputs} inputs in ${batches} batches\n${failure}\n`);
    expect(failure.split('\n')[0]).toBe('');
    expect(batches).toBeGreaterThan(0);
  });
});
