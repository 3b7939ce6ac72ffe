import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { metadataIn, metadataPartOf, threadIn, workspaceIn } from './turn-metadata.js';

const origin = 'https://git.example/owner/backend.git';
const workspaces = {
  '/home/user/api': { has_changes: true, associated_remote_urls: { origin } },
  '/home/user/second': {},
};

describe('turn metadata', () => {
  it('names a thread, of which a hash is taken', () => {
    const hash = threadIn('{"parent_thread_id":"parent","thread_id":"own"}');
    expect(hash).toMatch(/^[\w-]{22}$/);
    expect(hash).toBe(threadIn('{"thread_id": "own"}'));
    expect(threadIn('{"parent_thread_id":"parent"}')).toBeNull();
  });

  it('names the first folder, with the repository that it comes from', () => {
    expect(workspaceIn(JSON.stringify({ workspaces }))).toEqual({ path: '/home/user/api', remote: origin });
  });

  it.each([
    ['no JSON', '{"workspaces": '],
    ['an array', '["workspaces"]'],
    ['a list of folders', '{"workspaces":["/home/user/api"]}'],
    ['a text', '{"workspaces":"/home/user/api"}'],
    ['nothing', '{"workspaces":{}}'],
    ['an empty folder', '{"workspaces":{"":{}}}'],
    ['deep nesting', `{"workspaces":${'['.repeat(16_000)}`],
    ['a megabyte', JSON.stringify({ workspaces, more: 'x'.repeat(1_048_576) })],
  ])('names none in %s', (_what, metadata) => {
    expect(workspaceIn(metadata)).toBeNull();
  });

  it.each([null, 'text', [], { origin: 7 }, { origin: '' }])('ignores the remotes %j', (remotes) => {
    const metadata = JSON.stringify({ workspaces: { '/x': { associated_remote_urls: remotes } } });
    expect(workspaceIn(metadata)).toEqual({ path: '/x', remote: null });
  });

  it('is parsed up to its bound', () => {
    const bare = JSON.stringify({ workspaces, more: '' }).length;
    const ofLength = (length: number) => JSON.stringify({ workspaces, more: 'x'.repeat(length - bare) });
    expect(workspaceIn(ofLength(limits.turnMetadataChars))).not.toBeNull();
    expect(workspaceIn(ofLength(limits.turnMetadataChars + 1))).toBeNull();
  });
});

/** Returns the names found in a message. */
function found(message: string): string | null {
  const part = metadataPartOf(Buffer.from(message));
  return part === null ? null : metadataIn(part);
}

describe('turn metadata in a message', () => {
  const metadata = JSON.stringify({ workspaces });

  it('is found in its fields, not in texts about it', () => {
    const fields = { 'x-codex-turn-metadata': metadata };
    const text = JSON.stringify({ 'x-codex-turn-metadata': '{"workspaces":{"/other":{}}}' });
    expect(found(JSON.stringify({ client_metadata: fields, input: text }, null, 2))).toBe(metadata);
  });

  it.each([
    '{}',
    '',
    '{"x-codex-turn-metadata":{}}',
    '{"x-codex-turn-metadata":"cut',
    '"x-codex-turn-metadata"',
  ])('is not found in %j', (message) => {
    expect(found(message)).toBeNull();
  });

  it('is looked for near the end only', () => {
    const message = JSON.stringify({
      'x-codex-turn-metadata': metadata,
      input: 'x'.repeat(2 * limits.turnMetadataTailBytes),
    });
    expect(metadataPartOf(Buffer.from(message))).toBeNull();
  });
});
