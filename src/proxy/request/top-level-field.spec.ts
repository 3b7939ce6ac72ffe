import { describe, expect, it } from 'vitest';
import { topLevelField } from './top-level-field.js';

describe('a field of a JSON object', () => {
  it.each<[string, unknown]>([
    ['{"x":"a"}', 'a'],
    [' \n{ "x" :\t"a" }', 'a'],
    ['{"y":{"x":"inner"},"x":"outer"}', 'outer'],
    ['{"y":["x",{"x":1}],"x":false}', false],
    ['{"y":"x","x":null}', null],
    ['{"y":"\\"x\\":1","x":-1.5e3}', -1_500],
    ['{"y":"\\\\","x":"\\u0061\\\\"}', 'a\\'],
    ['{"y":"}","x":"a"}', 'a'],
    ['{"x":{"x":1}}', undefined],
    ['{"x":[1]}', undefined],
    ['{"y":{"x":1}}', undefined],
    ['{"y":1}{"x":1}', undefined],
    ['{"y":"x"}', undefined],
    ['{"x":tru}', undefined],
    ['{"x":"cut', undefined],
    ['{"x"', undefined],
    ['{"x":', undefined],
    ['["x"]', undefined],
    ['"x"', undefined],
    ['', undefined],
  ])('in %s', (json, value) => {
    expect(topLevelField(Buffer.from(json), 'x')).toEqual(value);
  });

  it('after megabytes of text with quotes', () => {
    const text = JSON.stringify({ y: '"x":"\\'.repeat(500_000), x: 'a' });
    expect(topLevelField(Buffer.from(text), 'x')).toBe('a');
  });

  it('of more than 1 KiB is not read', () => {
    expect(topLevelField(Buffer.from(`{"x":"${'a'.repeat(2_000)}"}`), 'x')).toBeUndefined();
  });
});
