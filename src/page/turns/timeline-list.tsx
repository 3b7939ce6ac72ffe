import type { RequestView } from '../../api/request.js';
import { attemptWords, outcomeWords } from '../../wording/decision-words.js';
import { lengthWords } from '../../wording/turn-words.js';
import { now } from '../state/clock.js';
import { Name } from '../ui/text.js';
import { timelineOf } from './timeline.js';

/** The attempts of a turn, in order, each with a bar on the turn's own time scale. */
export function Timeline({ turn }: { turn: RequestView }) {
  const at = turn.endedAt === null ? now.value : now.peek();
  return (
    <ol class="turns-timeline">
      {timelineOf(turn, at).map(({ attempt, number, offsetMs, lengthMs, startRatio, lengthRatio }) => (
        <li key={number}>
          <p>
            {number}. <Name of={attempt.account} />{' '}
            <span class="quiet">
              at {lengthWords(offsetMs)}
              {lengthMs === null ? '' : `, for ${lengthWords(lengthMs)}`}
            </span>
          </p>
          <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
            <rect class="track" width="100" height="6" />
            <rect class="step" x={startRatio * 100} width={Math.max(0.5, lengthRatio * 100)} height="6" />
          </svg>
          <p>
            {attemptWords(attempt.by)}: {outcomeWords(attempt.outcome)}
            {attempt.status === null ? ', no response' : `, HTTP ${attempt.status}`}
            {attempt.failedLate === null
              ? ''
              : `; after its first output: ${outcomeWords(attempt.failedLate)}`}
          </p>
        </li>
      ))}
    </ol>
  );
}
