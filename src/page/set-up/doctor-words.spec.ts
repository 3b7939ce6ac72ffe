import { describe, expect, it } from 'vitest';
import type { CheckResult, Finding } from '../../api/doctor.js';
import { commandIn, doctorSentence, findingsIn } from './doctor-words.js';

const found = (level: Finding['level'], code: string): Finding => ({
  code,
  level,
  problem: 'It is so.',
  why: 'So.',
  repair: 'codex-pool setup',
});
const check = (name: string, ...findings: Finding[]): CheckResult => ({
  check: name,
  fact: 'fact',
  findings,
});

describe('the findings', () => {
  it('begin with the faults, each in the order of the checks', () => {
    const checks = [
      check('one', found('note', 'a'), found('finding', 'b')),
      check('two', found('finding', 'c'), found('note', 'd')),
    ];
    expect(findingsIn(checks).map((it) => [it.check, it.finding.code])).toEqual([
      ['one', 'b'],
      ['two', 'c'],
      ['one', 'a'],
      ['two', 'd'],
    ]);
  });

  it.each([
    [[check('one'), check('two')], 'Nothing found in 2 checks.'],
    [[check('one', found('note', 'a'))], 'Nothing wrong in 1 check, 1 note.'],
    [[check('one', found('finding', 'a'))], '1 finding in 1 check.'],
    [
      [check('one', found('finding', 'a'), found('finding', 'b')), check('two', found('note', 'c'))],
      '2 findings in 2 checks, and 1 note.',
    ],
  ])('are counted in a sentence', (checks, sentence) => {
    expect(doctorSentence(checks)).toBe(sentence);
  });
});

describe('a repair', () => {
  it.each(['codex-pool login', 'npm install -g @openai/codex', 'chmod 600 ~/pool/a.json'])(
    'that is a command can be copied: %s',
    (it) => {
      expect(commandIn(it)).toBe(it);
    },
  );

  it.each([
    'Repair the file.',
    'codex-pool setup, if that is not on purpose.',
    'codex-pool setup, or for one run: codex-pool codex',
    'codex-pool start.',
    'rm -rf /',
    '',
  ])('with other words cannot: %s', (it) => {
    expect(commandIn(it)).toBeNull();
  });
});
