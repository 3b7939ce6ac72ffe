import { describe, expect, it } from 'vitest';
import { accountInPath } from './account-path.js';

describe('an account in a path', () => {
  it.each([
    ['/admin/accounts', 'none'],
    ['/admin/accounts/', 'none'],
    ['/admin/accounts/.', 'none'],
    ['/admin/accounts/..', 'none'],
    ['/admin/accounts/../requests', 'none'],
    ['/admin/accounts/a/..', 'none'],
    ['/admin/accounts/a/%2e%2e', 'none'],
    ['/admin/accounts/a//refresh', 'none'],
    ['/admin/accounts/a/%72efresh', 'none'],
    ['/admin/accounts//a', 'none'],
    ['/admin/%61ccounts/a%23b', 'none'],
    ['/v1/responses/a%23b', 'none'],
    ['/ADMIN/accounts/a%23b', 'none'],
    ['/admin/accounts/a', 'name'],
    ['/admin/accounts/a%23b', 'name'],
    ['/admin/accounts/a%3Bb/refresh', 'name'],
    ['/admin/accounts/%61', 'name'],
    ['/admin/accounts/a%2525', 'name'],
    ['/admin/accounts/a;b', 'bad-name'],
    ['/admin/accounts/a\\b', 'bad-name'],
    ['/admin/accounts/a b', 'bad-name'],
    ['/admin/accounts/%2e%2e', 'bad-name'],
    ['/admin/accounts/%2e%2e%2fa/refresh', 'bad-name'],
    ['/admin/accounts/a%2', 'bad-name'],
    ['/admin/accounts/%ed%a0%80', 'bad-name'],
    [`/admin/accounts/${'%c3%a4'.repeat(126)}`, 'bad-name'],
  ])('%s: %s', (path, expected) => {
    expect(accountInPath(path)).toBe(expected);
  });
});
