import { describe, expect, it } from 'vitest';
import { sendable } from './close-code.js';

describe('a close code', () => {
  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4000, 4999])(
    '%i may be sent on',
    (code) => {
      expect(sendable(code)).toBe(code);
    },
  );

  it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])('%i may not be sent', (code) => {
    expect(sendable(code)).toBeNull();
  });
});
