import { describe, expect, it } from 'vitest';
import { routeOf } from './routes.js';

describe('the route table', () => {
  it.each([
    ['POST', '/v1/responses', 'turn'],
    ['POST', '/responses', 'turn'],
    ['POST', '/backend-api/codex/responses', 'turn'],
    ['POST', '/api/codex/responses', 'turn'],
    ['HEAD', '/v1/responses', 'reachable'],
    ['GET', '/v1/responses', 'wrong-method'],
    ['PUT', '/v1/responses', 'wrong-method'],
    ['GET', '/v1', 'reachable'],
    ['GET', '/v1/models', 'models'],
    ['GET', '/backend-api/codex/models', 'models'],
    ['POST', '/v1/responses/compact', 'session'],
    ['POST', '/v1/images/generations', 'images'],
    ['POST', '/v1/images/edits', 'images'],
    ['POST', '/v1/alpha/search', 'session'],
    ['POST', '/backend-api/codex/analytics-events/events', 'home'],
    ['POST', '/codex/analytics-events/events', 'home'],
    ['GET', '/backend-api/wham/usage', 'pool-usage'],
    ['GET', '/api/codex/usage', 'pool-usage'],
    ['GET', '/backend-api/wham/accounts/check', 'accounts-check'],
    ['GET', '/api/codex/accounts/check', 'accounts-check'],
    ['GET', '/backend-api/wham/config/bundle', 'config-bundle'],
    ['GET', '/api/codex/config/bundle', 'config-bundle'],
    ['GET', '/backend-api/wham/settings/user', 'home'],
    ['GET', '/ps/plugins/installed', 'home'],
    ['POST', '/backend-api/wham/rate-limit-reset-credits/consume', 'unknown'],
    ['POST', '/api/codex/rate-limit-reset-credits/consume', 'unknown'],
    ['POST', '/backend-api/files', 'files'],
    ['POST', '/backend-api/files/f1/uploaded', 'files'],
    ['POST', '/oauth/token', 'placeholder-token'],
    ['GET', '/oauth/token', 'wrong-method'],
    ['POST', '/v1/responses/', 'turn'],
    ['GET', '/backend-api/wham/usage/', 'pool-usage'],
    ['POST', '/backend-api/wham/rate-limit-reset-credits/consume/', 'unknown'],
    ['GET', '/metrics/', 'unknown'],
    ['GET', '/healthz', 'operator'],
    ['GET', '/admin/accounts', 'operator'],
    ['GET', '/favicon.ico', 'unknown'],
    ['GET', '/v1x', 'unknown'],
    ['POST', '/oauth/tokenX', 'unknown'],
    ['GET', '/v1/', 'unknown'],
    ['GET', '/backend-api', 'unknown'],
    ['GET', '/backend-apix/wham/usage', 'unknown'],
    ['GET', '/adminx', 'unknown'],
    ['GET', '/psx/plugins', 'unknown'],
  ])('%s %s is %s', (method, path, kind) => {
    expect(routeOf(method, path, false).kind).toBe(kind);
  });

  it('accepts an upgrade only on a turn path', () => {
    expect(routeOf('GET', '/v1/responses', true).kind).toBe('websocket');
    expect(routeOf('GET', '/v1x', true).kind).toBe('unknown');
  });

  it.each([
    ['/api/codex/settings/user', 'wham/settings/user'],
    ['/api/codex/ps/mcp', 'ps/mcp'],
    ['/backend-api/ps/mcp', 'ps/mcp'],
    ['/ps/plugins/installed', 'ps/plugins/installed'],
    ['/codex/analytics-events/events', 'codex/analytics-events/events'],
  ])('%s goes to %s', (path, upstreamPath) => {
    expect(routeOf('POST', path, false)).toMatchObject({ kind: 'home', base: 'wham', upstreamPath });
  });
});
