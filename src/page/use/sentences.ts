import type { UsageView } from '../../api/usage.js';
import { amount, durationName, percent } from '../../wording/times.js';
import type { QuotaSample, ResetMark } from './quota-series.js';
import { dateLabel } from './time-labels.js';
import { cachedRatio, tokensOf } from './usage-series.js';

/** The sentences below the plots: what a plot shows, for those who do not see it. */

/** `3.2 M tokens in 214 turns; most by work (61 %).` */
export function tokenSentence({ totals, groups }: UsageView, nameOf: (group: UsageGroup) => string): string {
  const all = tokensOf(totals);
  if (all === 0) return 'No tokens in this span.';
  const [first] = groups ?? [];
  const most = first === undefined ? '' : `; most by ${nameOf(first)} (${percent(tokensOf(first) / all)})`;
  return `${amount(all)} tokens in ${counted(totals.turns, 'turn')}${most}.`;
}

/** `82 % of the input came from upstream's cache; 12 k tokens were sent again because a session moved.` */
export function cachedSentence({ totals }: UsageView): string {
  const ratio = cachedRatio(totals);
  if (ratio === null) return 'No input in this span.';
  const resent =
    totals.resent > 0 ? `; ${amount(totals.resent)} tokens were sent again because a session moved` : '';
  return `${percent(ratio)} of the input came from upstream’s cache${resent}.`;
}

/** `5 h: 31 % used at the end, 2 resets. 7 d: 22 % used at the end, no reset.` */
export function quotaSentence(samples: readonly QuotaSample[], marks: readonly ResetMark[]): string {
  if (samples.length === 0) return 'No quota was reported in this span.';
  const newest = new Map(
    samples.toSorted((a, b) => a.seenAt - b.seenAt).map((it) => [it.durationSeconds, it.usedRatio]),
  );
  return [...newest]
    .toSorted(([a], [b]) => a - b)
    .map(([duration, ratio]) => {
      const resets = marks.filter((it) => it.durationSeconds === duration).length;
      const times = resets === 0 ? 'no reset' : counted(resets, 'reset');
      return `${durationName(duration)}: ${percent(ratio)} used at the end, ${times}.`;
    })
    .join(' ');
}

/** `21 Nov 2026 to 27 Nov 2026, by hour`. */
export function spanSentence({ from, to }: { from: number; to: number }, bucket: 'hour' | 'day'): string {
  const [first, last] = [dateLabel(from), dateLabel(to - 1)];
  return `${first === last ? first : `${first} to ${last}`}, by ${bucket}`;
}

export type UsageGroup = NonNullable<UsageView['groups']>[number];

function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
