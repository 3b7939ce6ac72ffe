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
    ['HEAD', '/backend-api/codex/models', 'models'],
    ['GET', '/v1/models/gpt-5.5', 'models'],
    ['POST', '/v1/models', 'wrong-method'],
    ['DELETE', '/v1/models/gpt-5.5', 'wrong-method'],
    ['POST', '/v1/responses/compact', 'turn'],
    ['POST', '/responses/compact', 'turn'],
    ['POST', '/backend-api/codex/responses/compact', 'turn'],
    ['POST', '/api/codex/responses/compact/', 'turn'],
    ['GET', '/v1/responses/compact', 'wrong-method'],
    ['HEAD', '/v1/responses/compact', 'reachable'],
    ['GET', '/v1/responses/resp_1', 'unsupported'],
    ['DELETE', '/v1/responses/resp_1', 'unsupported'],
    ['POST', '/v1/responses/resp_1/cancel', 'unsupported'],
    ['GET', '/backend-api/codex/responses/resp_1/input_items', 'unsupported'],
    ['POST', '/v1/responses/input_tokens', 'unsupported'],
    ['POST', '/v1/responses/compact/x', 'unsupported'],
    ['POST', '/v1/responses/compactx', 'unsupported'],
    ['POST', '/v1/responsesx', 'session'],
    ['GET', '/responsesx', 'unknown'],
    ['POST', '/v1/chat/completions', 'unsupported'],
    ['POST', '/backend-api/codex/chat/completions/', 'unsupported'],
    ['GET', '/v1/files', 'unsupported'],
    ['DELETE', '/v1/files/file-1', 'unsupported'],
    ['POST', '/v1/conversations/c/items', 'unsupported'],
    ['POST', '/v1/chatx', 'session'],
    ['POST', '/v1/memories/trace_summarize', 'session'],
    ['POST', '/v1/realtime/calls', 'session'],
    ['POST', '/v1/made-up', 'session'],
    ['POST', '/v1/images/generations', 'images'],
    ['POST', '/v1/images/edits', 'images'],
    ['POST', '/v1/alpha/search', 'session'],
    ['POST', '/backend-api/codex/analytics-events/events', 'home'],
    ['POST', '/codex/analytics-events/events', 'home'],
    ['GET', '/backend-api/wham/usage', 'pool-usage'],
    ['GET', '/api/codex/usage', 'pool-usage'],
    ['HEAD', '/backend-api/wham/usage', 'pool-usage'],
    ['POST', '/backend-api/wham/usage', 'wrong-method'],
    ['PUT', '/v1/usage', 'wrong-method'],
    ['POST', '/api/codex/accounts/check', 'wrong-method'],
    ['GET', '/v1/usage', 'pool-usage'],
    ['GET', '/v1/wham/usage/', 'pool-usage'],
    ['GET', '/v1/api/codex/usage', 'pool-usage'],
    ['GET', '/backend-api/codex/wham/usage', 'pool-usage'],
    ['GET', '/backend-api/codex/usage', 'pool-usage'],
    ['GET', '/v1/wham/accounts/check', 'accounts-check'],
    ['GET', '/v1/wham/config/bundle', 'config-bundle'],
    ['GET', '/v1/wham/settings/user', 'home'],
    ['POST', '/v1/wham/rate-limit-reset-credits/consume', 'unknown'],
    ['GET', '/v1/usagex', 'session'],
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

  it.each(['TRACE', 'PROPFIND', 'PURGE', 'LINK', 'M-SEARCH', 'QUERY', 'get', ''])(
    'has no route for %s on any path',
    (method) => {
      for (const path of ['/v1/responses', '/v1/x', '/ps/mcp', '/backend-api/files', '/healthz', '/', '/x']) {
        expect(routeOf(method, path, false).kind).toBe('wrong-method');
        expect(routeOf(method, path, true).kind).toBe('wrong-method');
      }
    },
  );

  it.each([
    ['/v1/responses', 'responses'],
    ['/v1/responses/compact', 'responses/compact'],
    ['/api/codex/responses/compact', 'responses/compact'],
  ])('sends turns on %s to %s', (path, upstreamPath) => {
    expect(routeOf('POST', path, false)).toEqual({ kind: 'turn', upstreamPath });
  });

  it('accepts an upgrade only on a turn path', () => {
    expect(routeOf('GET', '/v1/responses', true).kind).toBe('websocket');
    expect(routeOf('GET', '/v1x', true).kind).toBe('unknown');
    expect(routeOf('GET', '/v1/responses/compact', true).kind).toBe('wrong-method');
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
