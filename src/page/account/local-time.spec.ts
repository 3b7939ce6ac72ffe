import { expect, it } from 'vitest';
import { fromLocalField, toLocalField } from './local-time.js';

it('a time survives the way into a field and back, to the minute', () => {
  const at = new Date(2026, 10, 27, 18, 5, 42).getTime();
  expect(toLocalField(at)).toBe('2026-11-27T18:05');
  expect(fromLocalField(toLocalField(at))).toBe(at - 42_000);
});

it.each(['', 'tomorrow', '2026-11-27', '2026-13-45T99:99'])('%j holds no time', (text) => {
  expect(fromLocalField(text)).toBe(null);
});
