import { describe, expect, it } from 'vitest';
import { isCanonicalPath } from './safe-path.js';

describe('a path', () => {
  it.each(['/v1/models', '/v1/files/a.b', '/v1/x%20y', '/v1/..a', '/v1/x/', '/backend-api/a%3Ab'])(
    '%s is plain',
    (path) => {
      expect(isCanonicalPath(path)).toBe(true);
    },
  );

  it.each([
    '/v1/../admin',
    '/v1/./x',
    '/v1/%2e%2e/admin',
    '/v1/%2E./admin',
    '/v1//x',
    '//v1/x',
    '/v1/x//',
    '/v1\\x',
    '/v1/%5cx',
    '/v1/a%2fb',
    '/v1/%00',
    '/backend-api/wham/%75sage',
    '/backend-api/wham/rate-limit-reset-credits/%63onsume',
    '/v1/x#y',
    '/v1/x%23y',
    '/v1/x%3By',
    '/v1/usage;x',
    '/v1/%0d%0a',
    '/v1/%7f',
    '/v1/%',
    '/v1/%zz',
    'http://127.0.0.1/v1/x',
    '*',
    '',
  ])('%s is not plain', (path) => {
    expect(isCanonicalPath(path)).toBe(false);
  });
});
