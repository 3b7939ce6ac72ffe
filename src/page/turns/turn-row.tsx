import type { RequestView } from '../../api/request.js';
import { decisionWords, hasFailed, resultWords } from '../../wording/decision-words.js';
import { pace, tokenWords, turnTime } from '../../wording/turn-words.js';
import { now } from '../state/clock.js';
import { hrefOf } from '../state/router.js';
import { fullTime, Name, Unknown } from '../ui/text.js';

interface Props {
  readonly turn: RequestView;
  readonly policy: string | null;
  /** Its place in the list, from 1; the row of titles is 1. */
  readonly index: number;
  readonly isOpen: boolean;
  readonly style: Readonly<Record<string, string>>;
}

/** The titles of the columns. */
export const turnColumns = ['Time', 'Account', 'Model', 'First byte → end', 'Tokens', 'Decision'] as const;

/** One turn of the list. Its time is the link that opens it; the whole row may be clicked. */
export function TurnRow({ turn, policy, index, isOpen, style }: Props) {
  const isRunning = turn.endedAt === null;
  // Only a running turn counts with the clock.
  const at = isRunning ? now.value : now.peek();
  return (
    <div
      role="row"
      class={`turns-row${isOpen ? ' turns-row-open' : ''}`}
      aria-rowindex={index + 1}
      style={style}
    >
      <span role="cell" class="turns-time">
        <a href={hrefOf({ turn: turn.id })} title={fullTime(turn.at)} data-row aria-expanded={isOpen}>
          {turnTime(turn.at, at)}
        </a>
      </span>
      <span role="cell" class="turns-account">
        {turn.account === null ? <Unknown why="no account was tried" /> : <Name of={turn.account} />}
      </span>
      <span role="cell" class="turns-model">
        {turn.model === null ? (
          <Unknown why={isRunning ? 'known at the end of the turn' : 'the client named no model'} />
        ) : (
          <Name of={turn.effort === null ? turn.model : `${turn.model} ${turn.effort}`} />
        )}
      </span>
      <span role="cell" class="turns-pace">
        {pace(turn, at)}
      </span>
      <span role="cell" class="turns-tokens">
        {turn.tokens === null ? (
          <Unknown why={isRunning ? 'known at the end of the turn' : 'the stream reported none'} />
        ) : (
          tokenWords(turn.tokens)
        )}
      </span>
      <span role="cell" class="turns-decision">
        <bdi>{decisionWords(turn, policy)}</bdi>
        <Ending turn={turn} />
      </span>
    </div>
  );
}

/** How the turn ended, if that is worth a word. */
function Ending({ turn }: { turn: RequestView }) {
  if (turn.result === 'complete' && !hasFailed(turn)) return null;
  const words = turn.result === 'complete' ? `failed (${turn.status ?? 'late'})` : resultWords(turn.result);
  const shape = hasFailed(turn) ? '▲' : turn.endedAt === null ? '●' : '○';
  return (
    <span class={`turns-ending ${hasFailed(turn) ? 'turns-failed' : 'quiet'}`}>
      · <span aria-hidden="true">{shape} </span>
      {words}
    </span>
  );
}
