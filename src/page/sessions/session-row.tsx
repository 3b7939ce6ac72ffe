import type { SessionView } from '../../api/session.js';
import { useSignal } from '@preact/signals';
import { call } from '../state/api-client.js';
import { live } from '../state/live.js';
import { say } from '../state/notice.js';
import { ActionButton } from '../ui/button.js';
import { Copy } from '../ui/copy.js';
import { Time } from '../ui/text.js';
import { sessionWords, shortSession } from './session-words.js';
import type { SessionsList } from './sessions-list.js';

interface Props {
  readonly session: SessionView;
  readonly list: SessionsList;
}

/** One session: its account, its last use, the account that it moves to, and a button that forgets it. */
export function SessionRow({ session: view, list }: Props) {
  const { session, account, usedAt } = view;
  const path = `/admin/affinity/${encodeURIComponent(session)}`;
  return (
    <li class="sessions-row">
      <span class="sessions-id">
        <a href={`/?view=turns&session=${encodeURIComponent(session)}`} data-row title="Its turns">
          <code>{shortSession(session)}</code>
        </a>
        <Copy text={session} of={`the hash of session ${shortSession(session)}`} />
      </span>
      <bdi class="sessions-account">{sessionWords(view)}</bdi>
      <SessionProject view={view} />
      <span class="sessions-used">
        <Time at={usedAt} as="ago" />
      </span>
      <span class="sessions-actions">
        <MoveField view={view} list={list} path={path} />
        <ActionButton
          kind="quiet"
          label={`Forget session ${shortSession(session)}`}
          title={`Its next turn is placed like that of a new session${account === null ? '' : `, not kept on ${account}`}`}
          run={async () => call<unknown>(path, { method: 'DELETE' })}
          done="Forgotten: the next turn of this session is placed anew."
          onDone={() => list.remove(session)}
        >
          Forget
        </ActionButton>
      </span>
    </li>
  );
}

/** The project of its last turn, as a link to the project's turns, and the model. */
function SessionProject({ view: { project, model } }: { view: SessionView }) {
  return (
    <span class="sessions-project">
      {project === null ? null : (
        <a href={`/?view=turns&project=${encodeURIComponent(project.hash)}`} title="Turns of this project">
          <bdi>{project.name}</bdi>
        </a>
      )}
      {model === null ? null : <bdi class="quiet">{model}</bdi>}
    </span>
  );
}

function MoveField({ view, list, path }: { view: SessionView; list: SessionsList; path: string }) {
  const isMoving = useSignal(false);
  const { session, account, movesTo } = view;
  const move = async (to: string) => {
    isMoving.value = true;
    const reply = await call<SessionView>(path, { method: 'PUT', body: { account: to } });
    isMoving.value = false;
    if (!reply.ok) return say(reply.problem.detail, true);
    list.put(reply.value);
    say(`The session moves to ${to} at its next turn.`);
  };
  const others = live.accountNames.value.filter((it) => it !== account);
  return (
    <select
      aria-label={`Move session ${shortSession(session)} at its next turn`}
      value={movesTo ?? ''}
      disabled={isMoving.value || others.length === 0}
      onChange={({ currentTarget: { value } }) => {
        if (value !== '') void move(value);
      }}
    >
      <option value="">{movesTo === null ? 'Move to …' : 'Stays'}</option>
      {others.map((it) => (
        <option key={it} value={it}>
          {it}
        </option>
      ))}
    </select>
  );
}
