import { describe, expect, it } from 'vitest';
import { readOptions, usage } from './demo-options.js';
import { faultNames, faults } from './faults.js';

const plain = { isKept: false, port: 0, fault: null, isFast: false, isVerbose: false };

describe('the demo’s flags', () => {
  it.each([
    [[], plain],
    [['--keep'], { ...plain, isKept: true, port: 8_989 }],
    [['--keep', '--port', '9000'], { ...plain, isKept: true, port: 9_000 }],
    [['--port=9000', '--fast'], { ...plain, port: 9_000, isFast: true }],
    [['--fault', 'cut', '--verbose'], { ...plain, fault: 'cut', isVerbose: true }],
  ])('%j are understood', (args, options) => {
    expect(readOptions(args, true)).toEqual({ kind: 'show', options });
  });

  it('make it fast without a terminal', () => {
    expect(readOptions([], false)).toEqual({ kind: 'show', options: { ...plain, isFast: true } });
  });

  it.each([
    [['--loud'], /^Unknown option '--loud': .*--help lists the flags\.$/],
    [['please'], /'please'/],
    [['--fault'], /'--fault <value>'/],
    [['--fault', ''], /no fault "", only usage-limit, rate-limit/],
    [['--fault', 'constructor'], /no fault "constructor", only usage-limit/],
    [['--port'], /'--port <value>'/],
    [['--port', '0'], /from 1 to 65535, not "0"/],
    [['--port', '65536'], /not "65536"/],
    [['--port', '1e3'], /not "1e3"/],
    [['--port', '-1'], /'--port'/],
  ])('%j are refused in one sentence', (args, sentence) => {
    const asked = readOptions(args, true);
    expect(asked).toEqual({ kind: 'not-understood', sentence: expect.stringMatching(sentence) });
    expect(asked).not.toMatchObject({ sentence: expect.stringContaining('\n') });
  });
});

it('names every fault in its help', () => {
  expect(Object.keys(faults)).toEqual(faultNames);
  for (const name of faultNames) expect(usage()).toMatch(new RegExp(`^ +${name} +\\S`, 'm'));
});
