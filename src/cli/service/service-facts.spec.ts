import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { stopSecondsFor } from './service-facts.js';

describe('a service manager', () => {
  it.each([0, 30, 600])(
    'kills no program before its stop with %i s of drain has ended by itself',
    (drain) => {
      const seconds = stopSecondsFor(drain);
      expect(seconds * 1_000).toBeGreaterThan(drain * 1_000 + limits.stopMs);
      expect(Number.isInteger(seconds)).toBe(true);
    },
  );
});
