import { decisionWords } from '../../wording/decision-words.js';
import { pace, tokenWords, turnTime } from '../../wording/turn-words.js';
import { minute, now } from '../state/clock.js';
import { live } from '../state/live.js';
import { hrefOf } from '../state/router.js';
import { Empty, Section } from '../ui/section.js';
import { fullTime, Name, Unknown } from '../ui/text.js';

const SHOWN = 10;

export function LastTurns() {
  const ids = live.requestIds.value.slice(0, SHOWN);
  return (
    <Section title="Last turns" aside={<a href={hrefOf({ view: 'turns' })}>All turns</a>}>
      {ids.length === 0 ? (
        <Empty action={<a href={hrefOf({ view: 'set-up' })}>How to set up Codex</a>}>
          No turn since the start of codex-pool.
        </Empty>
      ) : (
        <ul class="rows">
          {ids.map((it) => (
            <TurnRow key={it} id={it} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function TurnRow({ id }: { id: string }) {
  const request = live.request(id);
  if (request === null) return null;
  const { at, account, model, effort, endedAt } = request;
  return (
    <li class="row now-turn">
      <a data-row href={hrefOf({ view: 'turns', turn: id })} title={fullTime(at)}>
        {turnTime(at, minute.value)}
      </a>
      <span>{account === null ? <Unknown why="no account was tried" /> : <Name of={account} />}</span>
      <span>
        {model === null ? (
          <Unknown why="the request names no model" />
        ) : (
          <Name of={`${model} ${effort ?? ''}`.trim()} />
        )}
      </span>
      <span>{pace(request, endedAt ?? now.value)}</span>
      <span>{tokenWords(request.tokens)}</span>
      <span class="quiet">{decisionWords(request, live.summary.value?.policy ?? null)}</span>
    </li>
  );
}
