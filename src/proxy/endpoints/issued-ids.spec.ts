import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { IssuedIds, issueOf } from './issued-ids.js';

function idsOf(...pieces: readonly (Buffer | string)[]): string[] {
  const ids: string[] = [];
  const response = new IssuedIds(['file_id', 'id'], (id) => void ids.push(id));
  for (const it of pieces) response.observe(Buffer.from(it));
  return ids;
}

/** A response of this many bytes. */
function json(length: number): string {
  const rest = '{"id":"file_1","x":""}';
  return rest.replace('""', `"${'x'.repeat(length - rest.length)}"`);
}

describe('what a response issues', () => {
  it.each([
    ['POST', 'files', 'file'],
    ['GET', 'files', undefined],
    ['POST', 'files/file_1/uploaded', undefined],
    ['POST', 'wham/remote/control/server/enroll', 'remote-server'],
    ['POST', 'wham/remote/control/server/refresh', undefined],
  ])('%s %s: %s', (method, path, kind) => {
    expect(issueOf(method, path)?.kind).toBe(kind);
  });
});

describe('the response to an upload', () => {
  it.each([
    ['as Codex reads it', '{"file_id":"file_1","upload_url":"https://made.up/"}', ['file_1']],
    ['in the form of the public API', '{"object":"file","id":"file-1"}', ['file-1']],
    ['in both', '{"file_id":"file_1","id":"file-1"}', ['file_1', 'file-1']],
    ['nowhere', '{"file":{"id":"file_1"},"file_id":1,"id":""}', []],
    ['in a list', '[{"id":"file_1"}]', []],
    ['in invalid JSON', '<html>}', []],
    ['with an id that is too long', `{"id":"${'f'.repeat(limits.pinnedIdChars + 1)}"}`, []],
  ])('has its file ids read: %s', (_how, text, ids) => {
    expect(idsOf(text)).toEqual(ids);
  });

  it('is read in chunks of any size', () => {
    const bytes = Buffer.from('{"x":{"y":{}},"file_id":"file_ü"}\n');
    expect(idsOf(...[...bytes].map((it) => Buffer.from([it])))).toEqual(['file_ü']);
  });

  it('is read up to a bound', () => {
    expect(idsOf(json(limits.fileResponseBytes))).toEqual(['file_1']);
    expect(idsOf(json(limits.fileResponseBytes + 1))).toEqual([]);
    expect(idsOf('x'.repeat(limits.fileResponseBytes + 1), '{"id":"file_1"}')).toEqual([]);
  });
});
