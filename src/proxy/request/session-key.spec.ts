import { describe, expect, it } from 'vitest';
import { sessionKeyFromBody, sessionKeyFromHeaders } from './session-key.js';

const key = sessionKeyFromHeaders({ 'session-id': 's-1' });

describe('a session key', () => {
  it.each([
    ['session-id', sessionKeyFromHeaders({ 'session-id': 's-1', conversation_id: 'other' })],
    ['session_id', sessionKeyFromHeaders({ session_id: 's-1' })],
    ['conversation_id', sessionKeyFromHeaders({ conversation_id: 's-1' })],
    ['x-codex-conversation-id', sessionKeyFromHeaders({ 'x-codex-conversation-id': 's-1' })],
    ['turn metadata', sessionKeyFromHeaders({ 'x-codex-turn-metadata': '{"turn":1,"session_id":"s-1"}' })],
    ['body conversation_id', sessionKeyFromBody({ conversation_id: 's-1', prompt_cache_key: 'other' })],
    ['body conversation', sessionKeyFromBody({ conversation: 's-1' })],
    ['body conversation object', sessionKeyFromBody({ conversation: { id: 's-1' } })],
    ['body prompt_cache_key', sessionKeyFromBody({ prompt_cache_key: 's-1' })],
    ['body metadata', sessionKeyFromBody({ metadata: { conversation_id: 's-1' } })],
  ])('is the same by %s', (_where, found) => {
    expect(found).toBe(key);
  });

  it.each([
    ['nothing', sessionKeyFromHeaders({})],
    ['an empty header', sessionKeyFromHeaders({ 'session-id': '' })],
    ['a list', sessionKeyFromBody([])],
    ['a number', sessionKeyFromBody({ conversation_id: 7 })],
    ['null', sessionKeyFromBody(null)],
  ])('is null for %s', (_what, found) => {
    expect(found).toBeNull();
  });

  it('is as short for 10 KB as for one character', () => {
    expect(sessionKeyFromHeaders({ 'session-id': 'x'.repeat(10_240) })).toHaveLength(22);
  });
});
