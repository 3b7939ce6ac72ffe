import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { Secret } from '../../runtime/secret.js';
import {
  addedOnTheWay,
  clientHeaders,
  clientOnly,
  hopByHop,
  otherCredentials,
  upstreamHeaders,
  upstreamOnly,
} from './headers.js';

const account = {
  accessToken: new Secret('of-the-account'),
  accountId: 'acct',
  isFedramp: false,
  routingOverride: null,
};
const options = { bodyLength: 2, without: [] };

describe('request headers', () => {
  const patterns = addedOnTheWay.map((it) => it.replace('*', 'made-up'));
  it.each([...hopByHop, ...clientOnly, ...otherCredentials, ...patterns])("drop the client's %s", (name) => {
    const sent = upstreamHeaders({ [name]: 'of-the-client' }, account, options);
    expect(JSON.stringify(sent)).not.toContain('of-the-client');
  });

  it('are judged by their names also when more names have come than are remembered', () => {
    const names = Array.from({ length: limits.judgedHeaders + 100 }, (_, index) => `x-made-up-${index}`);
    const sent = upstreamHeaders(Object.fromEntries(names.map((it) => [it, 'kept'])), account, options);
    expect(names.filter((it) => sent[it] !== 'kept')).toEqual([]);
    const late = { 'x-forwarded-late': 'of-a-tunnel', 'x-made-up-late': 'kept' };
    for (const _again of [1, 2]) {
      const last = upstreamHeaders(late, account, options);
      expect([last['x-forwarded-late'], last['x-made-up-late']]).toEqual([undefined, 'kept']);
    }
  });

  it.each([
    'x-codex-turn-metadata',
    'x-codex-forwarded-for',
    'x-openai-subagent',
    'x-oai-attestation',
    'x-client-request-id',
    'x-request-id',
    'openai-beta',
    'originator',
    'session-id',
    'thread-id',
    'version',
    'oai-product-sku',
    'traceparent',
    'tracestate',
    'baggage',
    'forward',
    'viable',
    'cfx',
    'x-client',
    'x-realtime',
    'accept-language',
    'user-agent',
  ])("keep the client's %s", (name) => {
    expect(upstreamHeaders({ [name]: 'of-the-client' }, account, options)).toHaveProperty(
      [name],
      'of-the-client',
    );
  });

  it("keep the client's other headers and add the account's credentials", () => {
    const sent = upstreamHeaders(
      { 'session-id': 's', 'x-new-thing': '1', originator: 'codex_exec' },
      account,
      options,
    );
    expect(sent).toEqual({
      'session-id': 's',
      'x-new-thing': '1',
      originator: 'codex_exec',
      'content-length': '2',
      authorization: 'Bearer of-the-account',
      'chatgpt-account-id': 'acct',
    });
  });

  it('drop the headers that `connection` names and those the request must not carry', () => {
    const client = { connection: 'close, X-Hop', 'x-hop': '1', 'accept-encoding': 'gzip' };
    const sent = upstreamHeaders(client, account, { bodyLength: 0, without: ['accept-encoding'] });
    expect(Object.keys(sent)).toEqual(['content-length', 'authorization', 'chatgpt-account-id']);
  });

  it.each([
    ['realtime, openai-insecure-api-key.sk-made-up', 'realtime'],
    ['OpenAI-Insecure-Api-Key.sk-made-up', undefined],
    ['a,b , openai-project.p, openai-beta.realtime-v1', 'a, b, openai-beta.realtime-v1'],
  ])('offer no credentials as subprotocols: %s', (offered, kept) => {
    const sent = upstreamHeaders({ 'sec-websocket-protocol': offered }, account, options);
    expect(sent['sec-websocket-protocol']).toBe(kept);
    expect(Object.values(sent)).not.toContain(undefined);
  });

  it('carry the routing and FedRAMP headers of their account only', () => {
    const client = { 'x-openai-account-routing-override': 'us_cr', 'x-openai-fedramp': 'true' };
    expect(upstreamHeaders(client, account, options)).not.toHaveProperty('x-openai-fedramp');
    const marked = upstreamHeaders(client, { ...account, isFedramp: true, routingOverride: 'us' }, options);
    expect(marked).toMatchObject({ 'x-openai-account-routing-override': 'us', 'x-openai-fedramp': 'true' });
  });
});

describe('response headers', () => {
  it.each([...hopByHop, ...upstreamOnly])("drop upstream's %s", (name) => {
    expect(clientHeaders({ [name]: 'of-upstream', 'x-kept': '1' })).toEqual({ 'x-kept': '1' });
  });
});
