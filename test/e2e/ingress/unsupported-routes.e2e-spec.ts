import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { call } from '../../support/clients/raw-http.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { TestPool } from '../../support/pool/pool.js';

let pool: TestPool;
beforeAll(async () => {
  pool = await TestPool.start({ accounts: ['a'] });
});
afterAll(async () => pool[Symbol.asyncDispose]());

describe('a route of OpenAI’s public API that the backend does not have', () => {
  it.each([
    ['POST', '/v1/chat/completions'],
    ['POST', '/v1/chat/completions/'],
    ['GET', '/v1/chat/completions/c-1/messages?limit=1'],
    ['POST', '/backend-api/codex/chat/completions'],
    ['POST', '/v1/completions'],
    ['POST', '/v1/embeddings'],
    ['GET', '/v1/files'],
    ['POST', '/v1/files'],
    ['GET', '/v1/files/file-1/content'],
    ['DELETE', '/v1/files/file-1'],
    ['POST', '/v1/conversations'],
    ['GET', '/v1/conversations/conv_1/items'],
    ['GET', '/v1/assistants'],
    ['POST', '/v1/threads/t/runs'],
    ['POST', '/v1/batches'],
    ['POST', '/v1/audio/speech'],
    ['POST', '/v1/moderations'],
    ['POST', '/v1/fine_tuning/jobs'],
    ['GET', '/v1/vector_stores'],
    ['POST', '/v1/uploads'],
    ['GET', '/v1/evals'],
    ['GET', '/v1/containers'],
    ['POST', '/v1/videos'],
    ['GET', '/v1/organization/usage/completions'],
    ['GET', '/v1/responses/resp_1'],
    ['DELETE', '/v1/responses/resp_1'],
    ['POST', '/v1/responses/resp_1/cancel'],
    ['GET', '/v1/responses/resp_1/input_items?limit=1'],
    ['POST', '/v1/responses/input_tokens'],
    ['GET', '/responses/resp_1'],
    ['GET', '/backend-api/codex/responses/resp_1'],
    ['GET', '/api/codex/responses/resp_1'],
    ['PUT', '/v1/embeddings'],
    ['OPTIONS', '/v1/embeddings'],
  ])('%s %s gets a local 404 that says what is served', async (method, path) => {
    const body = method === 'POST' ? JSON.stringify({ model: 'gpt-5.5' }) : undefined;
    const response = await call(pool.origin, { method, path, ...(body === undefined ? {} : { body }) });
    expect(response.status).toBe(404);
    expect(response.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json/),
      'x-codex-pool-error': 'unsupported_route',
    });
    const { error } = JSON.parse(response.body.toString());
    expect(error).toEqual({
      message: expect.stringMatching(/POST \/v1\/responses/),
      type: 'invalid_request_error',
      code: 'unsupported_route',
    });
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });

  it('gets 404 without a body for HEAD, and for a WebSocket', async () => {
    const head = await call(pool.origin, { method: 'HEAD', path: '/v1/files/file-1' });
    expect([head.status, head.body.length]).toEqual([404, 0]);
    expect((await SocketClient.refused(pool.origin, { path: '/v1/chat/completions' })).status).toBe(404);
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });
});

it.each([
  ['POST', '/v1/alpha/search', '/backend-api/codex/alpha/search'],
  ['POST', '/v1/memories/trace_summarize', '/backend-api/codex/memories/trace_summarize'],
  ['POST', '/v1/realtime/calls', '/backend-api/codex/realtime/calls'],
  ['GET', '/v1/made-up', '/backend-api/codex/made-up'],
  ['POST', '/backend-api/files', '/backend-api/files'],
  ['POST', '/backend-api/conversations', '/backend-api/conversations'],
])('%s %s is forwarded, because the backend has it or may have it', async (method, path, upstream) => {
  await call(pool.origin, { method, path, ...(method === 'POST' ? { body: '{}' } : {}) });
  expect(forwarded(pool.fakeUpstream).at(-1)).toMatchObject({ method, path: upstream, account: 'a' });
});
