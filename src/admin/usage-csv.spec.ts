import { describe, expect, it } from 'vitest';
import type { UsageView } from '../api/usage.js';
import { usageCsv } from './usage-csv.js';

const sums = { turns: 1, input: 10, cached: 4, output: 3, reasoning: 2 };
const view: UsageView = {
  tz: 'UTC',
  from: 0,
  totals: { ...sums, resent: 0 },
  accounts: [],
  accountCount: 0,
  hours: [{ at: Date.UTC(2026, 0, 2), day: '2026-01-02', ...sums }],
  next: null,
  firstByteMs: null,
  failovers: 0,
};
const csvOf = (key: string, name: string | null) =>
  usageCsv({ ...view, groups: [{ key, name, ...sums, resent: 6 }] });

describe('usage as CSV', () => {
  it('has a row for each bucket', () => {
    expect(usageCsv(view)).toBe(
      'at,day,turns,input,cached,output,reasoning\r\n2026-01-02T00:00:00.000Z,2026-01-02,1,10,4,3,2\r\n',
    );
  });

  it('has a row for each group, and says what a cost is', () => {
    expect(csvOf('k', 'api')).toBe(
      'key,name,turns,input,cached,output,reasoning,resent\r\nk,api,1,10,4,3,2,6\r\n',
    );
    const groups = [
      { key: 'k', name: null, ...sums, resent: 6, cost: 0.5 },
      { key: 'l', name: null, ...sums, resent: 0, cost: null },
    ];
    expect(usageCsv({ ...view, groups, costNote: 'not a bill' }).split('\r\n')).toEqual([
      'key,name,turns,input,cached,output,reasoning,resent,cost in USD (not a bill)',
      'k,,1,10,4,3,2,6,0.5',
      'l,,1,10,4,3,2,0,',
      '',
    ]);
  });

  it.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@x', "'@x"],
    ['\tx', "'\tx"],
    ['a=b', 'a=b'],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\nb', '"a\nb"'],
    ['=HYPERLINK("x","y")', '"\'=HYPERLINK(""x"",""y"")"'],
    ['', ''],
  ])('writes %j as %j', (name, cell) => {
    expect(csvOf('k', name).split('\r\n')[1]).toBe(`k,${cell},1,10,4,3,2,6`);
  });
});
