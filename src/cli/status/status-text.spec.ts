import fastStringWidth from 'fast-string-width';
import { describe, expect, it } from 'vitest';
import type { PoolAccount, PoolSummary } from '../pool/pool-reply.js';
import { bar, hasProblem, promptLine, serves, statusLines } from './status-text.js';

const now = new Date(2026, 10, 27, 14, 30).getTime();
const MINUTE = 60_000;
const window = (durationSeconds: number, usedRatio: number, inMinutes: number) => ({
  durationSeconds,
  usedRatio,
  resetsAt: now + inMinutes * MINUTE,
  seenAt: now,
});

const summary: PoolSummary = {
  version: '0.2.0',
  now,
  verdict: { kind: 'serves', sentence: 'Serves · next: work · 1 of 2 ready', next: 'work', backAt: null },
  accounts: 2,
  ready: 1,
  windows: [window(18_000, 0.52, 130), window(604_800, 0.29, 4_000)],
  meters: [{ name: 'spark', label: 'Spark', windows: [window(18_000, 0.91, 130)] }],
  today: {
    input: 3_100_000,
    cached: 2_542_000,
    output: 96_000,
    reasoning: 0,
    turns: 1,
    failovers: 2,
    failed: 0,
  },
  problems: [],
};
const account: PoolAccount = {
  name: 'work',
  label: null,
  state: 'ready',
  sentence: 'Ready: 31 % of 5 h used',
  inFlight: 2,
  plan: 'Pro',
  windows: [window(18_000, 0.31, 130), window(604_800, 0.22, 4_000)],
};
const spare: PoolAccount = {
  ...account,
  name: 'spare',
  state: 'needs-login',
  sentence: 'Needs a login: the login was refused at 09:12',
  inFlight: 0,
};
const problem = {
  code: 'needs-login',
  account: 'spare',
  sentence: 'spare needs a login: its turns go to other accounts.',
  action: 'login',
};
const shown = (changes: Partial<PoolSummary> = {}, accounts = [account, spare], columns = 80) =>
  statusLines({ summary: { ...summary, ...changes }, accounts }, columns, (_style, text) => text);

describe('the status in words', () => {
  it('has verdict, shares, problems with the command that helps, and accounts with their resets', () => {
    expect(shown({ problems: [problem] })).toEqual([
      '● Serves · next: work · 1 of 2 ready',
      '5 h ▓▓▓▓▓░░░░░ 48 % left, most back 16:40',
      '7 d ▓▓▓▓▓▓▓░░░ 71 % left, most back Mon 09:10   Spark 9 % left',
      'today 1 turn, 3.1 M in (82 % cached), 96 k out',
      '! spare needs a login: its turns go to other accounts.',
      '  → codex-pool login --name spare',
      '',
      'work   ● Ready          5 h ▓▓▓▓▓▓▓░░░ 69 % left, resets in 2 h 10',
      '                        7 d ▓▓▓▓▓▓▓▓░░ 78 % left, resets in 2 d 19 h  2 running',
      '                        Pro',
      'spare  ▲ Needs a login  the login was refused at 09:12  Pro',
    ]);
  });

  it.each([20, 40, 59, 60, 80, 120])('fits a terminal of %i columns and cuts nothing off', (columns) => {
    const long = '仕事のアカウント: a very long name '.repeat(3);
    const lines = shown(
      { problems: [{ ...problem, sentence: `${problem.sentence} ${'reason '.repeat(20)}END` }] },
      [account, { ...spare, name: long, label: '研究\u001B[31m室' }],
      columns,
    );
    const texts = lines.filter((it) => !it.startsWith('  → '));
    expect(texts.filter((it) => fastStringWidth(it) > columns)).toEqual([]);
    const text = lines.join('\n');
    expect(text).toContain('END');
    expect(text).toContain('09:12');
    expect(text).toContain('研究[31m室');
    expect(text).not.toContain('\u001B');
  });

  it('takes words that only a newer proxy knows as they are', () => {
    const lines = shown(
      { verdict: { ...summary.verdict, kind: 'hibernates', sentence: 'Hibernates until spring' } },
      [{ ...account, state: 'hibernating', sentence: 'Hibernating: back in spring' }],
    );
    expect(lines[0]).toBe('▲ Hibernates until spring');
    expect(lines.at(-1)).toBe('work  ○ Hibernating  back in spring  2 running  Pro');
  });

  it.each([
    ['login', "it's mine", String.raw`codex-pool login --name 'it'\''s mine'`],
    ['login', '-rf', "codex-pool login --name '-rf'"],
    ['resume', 'work', 'codex-pool resume work'],
    ['add-account', null, 'codex-pool login'],
    ['set-up', null, 'codex-pool setup'],
  ])('names the command for %s of %s', (action, name, command) => {
    expect(shown({ problems: [{ ...problem, action, account: name }] })).toContain(`  → ${command}`);
  });

  it.each([null, 'levitate'])('names no command for the action %s', (action) => {
    expect(shown({ problems: [{ ...problem, action }] }).join('\n')).not.toContain('→');
  });

  it('shows a window that is over as untouched', () => {
    expect(shown({ windows: [window(18_000, 1, -1)] })[1]).toMatch(/^5 h ▓{10} 100 % left {3}Spark/);
  });
});

describe('the line for a prompt', () => {
  it('is short in every case', () => {
    expect(promptLine(summary)).toBe('● work  5 h 48 %  7 d 71 %');
    expect(promptLine({ ...summary, problems: [problem] })).toBe('● work  5 h 48 %  7 d 71 %  ! 1');
    const waits = { kind: 'waits', sentence: '', next: null, backAt: now + 38 * MINUTE };
    expect(promptLine({ ...summary, verdict: waits })).toBe('◐ pool: back 15:08 (in 38 min)');
    const long = { ...summary.verdict, next: '長'.repeat(200) };
    expect(fastStringWidth(promptLine({ ...summary, verdict: long }))).toBeLessThanOrEqual(80);
    const strange = { ...waits, kind: 'x'.repeat(300), backAt: null };
    expect(fastStringWidth(promptLine({ ...summary, verdict: strange }))).toBeLessThanOrEqual(80);
  });
});

describe('the facts that count', () => {
  it('as serving and as a problem', () => {
    expect(serves(summary)).toBe(true);
    expect(serves({ verdict: { ...summary.verdict, kind: 'serves-last-in-line' } })).toBe(true);
    expect(serves({ verdict: { ...summary.verdict, kind: 'full' } })).toBe(false);
    expect(hasProblem({ problems: [problem] })).toBe(true);
    expect(hasProblem({ problems: [{ ...problem, code: 'no-turn-yet' }] })).toBe(false);
  });

  it('as a full or an empty bar: only what is', () => {
    expect([0, 0.001, 0.5, 0.999, 1].map(bar)).toEqual([
      '░'.repeat(10),
      `▓${'░'.repeat(9)}`,
      `${'▓'.repeat(5)}${'░'.repeat(5)}`,
      `${'▓'.repeat(9)}░`,
      '▓'.repeat(10),
    ]);
  });
});
