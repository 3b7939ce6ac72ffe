import { percent } from '../../wording/times.js';

interface Props {
  /** Share left, 0–1. */
  readonly left: number;
  /** Share that an even spending would have left now, 0–1; null if unknown. */
  readonly even: number | null;
  /** The reader hears it: `5 h of work`. */
  readonly label: string;
}

/** A quota window as a bar that shows the share left. The number belongs beside it, in text. */
export function Bar({ left, even, label }: Props) {
  const share = Math.min(Math.max(left, 0), 1);
  const level = share <= 0.1 ? 'low' : 'plenty';
  const evenWords = even === null ? '' : `; an even spending would have left ${percent(even)}`;
  return (
    <svg
      class={`bar ${level}`}
      viewBox="0 0 100 8"
      preserveAspectRatio="none"
      role="img"
      aria-label={`${label}: ${percent(share)} left${evenWords}`}
    >
      <title>{`${label}: ${percent(share)} left${evenWords}`}</title>
      <rect class="track" width="100" height="8" />
      <rect class="left" width={share * 100} height="8" />
      {even === null ? null : <rect class="even" x={Math.min(even * 100, 99)} width="1" height="8" />}
    </svg>
  );
}
