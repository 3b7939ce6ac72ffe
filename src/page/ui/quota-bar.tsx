import { leftRatio } from '../../api/left-ratio.js';
import type { QuotaWindow } from '../../api/shared-shapes.js';
import { clock, durationName, percent } from '../../wording/times.js';
import { minute } from '../state/clock.js';
import { Bar } from './bar.js';
import { evenLeft } from './even-spending.js';
import { fullTime } from './text.js';

interface Props {
  readonly window: Pick<QuotaWindow, 'durationSeconds' | 'usedRatio' | 'resetsAt'>;
  /** Whose window it is, for the screen reader. */
  readonly of: string;
  /** Before the bar; by default the window's duration. */
  readonly name?: string;
}

/** One quota window: its name, the share left as a bar, and as a number. */
export function QuotaBar({ window, of, name }: Props) {
  const { durationSeconds, resetsAt } = window;
  const at = minute.value;
  const left = leftRatio(window, at);
  const shownName = name ?? durationName(durationSeconds);
  const resets =
    resetsAt === null
      ? 'upstream does not say when it resets'
      : `resets ${clock(resetsAt, at)} (${fullTime(resetsAt)})`;
  return (
    <span class="quota-bar" title={`${shownName}: ${percent(left)} left; ${resets}`}>
      <span class="quota-name">{shownName}</span>
      <Bar left={left} even={evenLeft(window, at)} label={`${of}, ${shownName}`} />
      <span class="number">{percent(left)}</span>
    </span>
  );
}
