import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { fileIds, previousResponseIds } from './pinned-ids.js';

const responsesIn = (text: string): string[] => [...previousResponseIds(Buffer.from(text))];
const filesIn = (text: string): string[] => [...fileIds(Buffer.from(text))];

describe('the response that a body names', () => {
  it.each([
    ['alone', '{"previous_response_id":"resp_1"}', ['resp_1']],
    ['with spaces', '{"model":"m",\n  "previous_response_id" : \t"resp_1"\n}', ['resp_1']],
    ['as null', '{"previous_response_id":null,"input":"resp_1"}', []],
    ['as the name of a parameter', '{"tools":[{"previous_response_id":{"type":"string"}}]}', []],
    [
      'after a value of another type',
      '{"x":{"previous_response_id":1},"previous_response_id":"resp_1"}',
      ['resp_1'],
    ],
    ['only inside a string', JSON.stringify({ input: '{"previous_response_id":"resp_1"}' }), []],
    ['cut off', '{"previous_response_id":"resp_', []],
    ['cut off at the key', '{"previous_response_id"', []],
    ['after non-ASCII text', '{"input":"äöü→","previous_response_id":"resp_1"}', ['resp_1']],
  ])('is found %s', (_how, text, ids) => {
    expect(responsesIn(text)).toEqual(ids);
  });

  it('is ignored when it is longer than the bound', () => {
    const longest = 'r'.repeat(limits.pinnedIdChars);
    expect(responsesIn(`{"previous_response_id":"${longest}"}`)).toEqual([longest]);
    expect(responsesIn(`{"previous_response_id":"${longest}r"}`)).toEqual([]);
  });
});

describe('the files that a body names', () => {
  it.each([
    ['as Codex names them', '{"uri":"sediment://file_00ab"}', ['file_00ab']],
    ['in the older form', '{"uri":"file-service://file-AbC"}', ['file-service', 'file-AbC']],
    ['as a field', '{"file_id":"file-AbC"}', ['file_id', 'file-AbC']],
    ['inside a string', JSON.stringify({ input: 'see "file_1", file_2' }), ['file_1', 'file_2']],
    ['once', 'file_1 file_1 file_1', ['file_1']],
    ['at the very end', 'file_1', ['file_1']],
    ['beside words that only look similar', 'file files profile_x file- file_ "file":', ['file_x']],
  ])('are found %s', (_how, text, ids) => {
    expect(filesIn(text)).toEqual(ids);
  });

  it('are ignored when they are longer than the bound', () => {
    const longest = `file_${'1'.repeat(limits.pinnedIdChars - 5)}`;
    expect(filesIn(`"${longest}" "${longest}1" file_2`)).toEqual([longest, 'file_2']);
  });

  it('are found up to a bound', () => {
    const count = limits.fileWordsPerBody + 100;
    const words = Array.from({ length: count }, (_, i) => `file_${i}`);
    expect(filesIn(words.join(' '))).toEqual(words.slice(0, limits.fileWordsPerBody));
  });
});
