import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { FileResponse } from './file-response.js';

function idsOf(...pieces: readonly (Buffer | string)[]): string[] {
  const ids: string[] = [];
  const answer = new FileResponse((id) => void ids.push(id));
  for (const it of pieces) answer.observe(Buffer.from(it));
  return ids;
}

/** An answer of so many bytes. */
function json(length: number): string {
  const rest = '{"id":"file_1","x":""}';
  return rest.replace('""', `"${'x'.repeat(length - rest.length)}"`);
}

describe('the answer to an upload', () => {
  it.each([
    ['as Codex reads it', '{"file_id":"file_1","upload_url":"https://made.up/"}', ['file_1']],
    ['in the form of the public API', '{"object":"file","id":"file-1"}', ['file-1']],
    ['in both', '{"file_id":"file_1","id":"file-1"}', ['file_1', 'file-1']],
    ['not at all', '{"file":{"id":"file_1"},"file_id":1,"id":""}', []],
    ['in a list', '[{"id":"file_1"}]', []],
    ['in no JSON', '<html>}', []],
    ['with an id that is too long', `{"id":"${'f'.repeat(limits.pinnedIdChars + 1)}"}`, []],
  ])('names its file %s', (_how, text, ids) => {
    expect(idsOf(text)).toEqual(ids);
  });

  it('is read in any cut', () => {
    const bytes = Buffer.from('{"x":{"y":{}},"file_id":"file_ü"}\n');
    expect(idsOf(...[...bytes].map((it) => Buffer.from([it])))).toEqual(['file_ü']);
  });

  it('is read up to a bound', () => {
    expect(idsOf(json(limits.fileResponseBytes))).toEqual(['file_1']);
    expect(idsOf(json(limits.fileResponseBytes + 1))).toEqual([]);
    expect(idsOf('x'.repeat(limits.fileResponseBytes + 1), '{"id":"file_1"}')).toEqual([]);
  });
});
