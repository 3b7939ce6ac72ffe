import type { ComponentChildren } from 'preact';
import type { RequestView } from '../../api/request.js';
import { decisionWords, hasFailed, passedOverWords, resultWords } from '../../wording/decision-words.js';
import { byteWords, lengthWords } from '../../wording/turn-words.js';
import { now } from '../state/clock.js';
import { live } from '../state/live.js';
import { useResource } from '../state/resource.js';
import { hrefOf, navigate } from '../state/router.js';
import { Copy } from '../ui/copy.js';
import { Drawer } from '../ui/drawer.js';
import { Loaded } from '../ui/section.js';
import { fullTime, Name, Unknown } from '../ui/text.js';
import { Timeline } from './timeline-list.js';

const close = () => navigate({ turn: null });

/**
 * One turn in full. A turn that is still among the live ones follows them; any other is asked for, and so are all
 * candidates of a large pool.
 */
export function TurnDrawer({ id }: { id: string }) {
  const current = live.request(id);
  const isWhole = current !== null && current.moreCandidates === undefined;
  const stored = useResource<RequestView>(isWhole ? null : `/admin/requests/${encodeURIComponent(id)}`);
  return (
    <Drawer title="Turn" onClose={close}>
      {current === null ? (
        <Loaded resource={stored}>{(turn) => <TurnDetails turn={turn} />}</Loaded>
      ) : (
        <TurnDetails turn={withCandidates(current, stored.value.value)} />
      )}
    </Drawer>
  );
}

/** The live turn, with all candidates once they are here; they are those of its beginning and do not change. */
function withCandidates(turn: RequestView, whole: RequestView | null): RequestView {
  if (whole?.id !== turn.id || turn.moreCandidates === undefined) return turn;
  const { moreCandidates: _, ...rest } = turn;
  return { ...rest, candidates: whole.candidates };
}

function TurnDetails({ turn }: { turn: RequestView }) {
  const policy = live.summary.value?.policy ?? null;
  return (
    <div class="turns-details" translate={false}>
      <p class="turns-decided">
        <bdi>{decisionWords(turn, policy)}</bdi>
      </p>
      <Facts turn={turn} />
      <h3>Attempts</h3>
      {turn.attempts.length === 0 ? <p class="quiet">No account was tried.</p> : <Timeline turn={turn} />}
      {turn.detail === 'short' && (
        <p class="quiet">Kept in short form: of an older turn, only the last attempt is stored.</p>
      )}
      <Candidates turn={turn} />
      <Tokens turn={turn} />
      <Ids turn={turn} />
    </div>
  );
}

function Facts({ turn }: { turn: RequestView }) {
  const {
    at,
    endedAt,
    firstByteMs,
    status,
    model,
    effort,
    frontEnd,
    project,
    bytes,
    movedFrom,
    isReplayable,
  } = turn;
  const length = (endedAt ?? now.value) - at;
  return (
    <dl class="turns-facts">
      <Fact name="Came">{fullTime(at)}</Fact>
      <Fact name="Ended">
        <span class={hasFailed(turn) ? 'turns-failed' : undefined}>{resultWords(turn.result)}</span>
        {endedAt === null ? ` for ${lengthWords(length)}` : ` after ${lengthWords(length)}`}
        {status === null ? '' : `, HTTP ${status}`}
      </Fact>
      <Fact name="First byte">
        {firstByteMs === null ? <Unknown why="no response yet" /> : lengthWords(firstByteMs)}
      </Fact>
      <Fact name="Account">
        {turn.account === null ? <Unknown why="none was tried" /> : <Name of={turn.account} />}
      </Fact>
      {movedFrom === null ? null : (
        <Fact name="Before">
          <Name of={movedFrom} />
        </Fact>
      )}
      <Fact name="Model">
        {model === null ? <Unknown why="the client named none, or the turn runs" /> : <Name of={model} />}
        {effort === null ? '' : `, effort ${effort}`}
      </Fact>
      {frontEnd === null ? null : (
        <Fact name="Client">
          <Name of={frontEnd} />
        </Fact>
      )}
      {project === null ? null : (
        <Fact name="Project">
          <a href={hrefOf({ project: project.hash })}>
            <Name of={project.name} />
          </a>
        </Fact>
      )}
      <Fact name="Response">{byteWords(bytes)}</Fact>
      <Fact name="Route">
        {turn.route}, {turn.method}
      </Fact>
      {isReplayable ? null : <Fact name="Body">too large to keep for another attempt</Fact>}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Candidates({ turn }: { turn: RequestView }) {
  const { candidates, moreCandidates = 0 } = turn;
  if (candidates.length === 0) return null;
  return (
    <>
      <h3>Accounts at the first choice</h3>
      <ul class="turns-candidates">
        {candidates.map(({ account, passedOver }) => (
          <li key={account}>
            <Name of={account} />
            <span class="quiet">
              {passedOver === null ? 'could have served' : passedOverWords(passedOver)}
            </span>
          </li>
        ))}
        {moreCandidates > 0 && <li class="quiet">and {moreCandidates} more</li>}
      </ul>
    </>
  );
}

function Tokens({ turn: { tokens } }: { turn: RequestView }) {
  if (tokens === null) return null;
  const shown = [
    ['Input', tokens.input],
    ['of it cached', tokens.cached],
    ['Output', tokens.output],
    ['of it reasoning', tokens.reasoning],
  ] as const;
  return (
    <>
      <h3>Tokens</h3>
      <dl class="turns-facts">
        {shown.map(([name, count]) => (
          <Fact key={name} name={name}>
            {count.toLocaleString('en')}
          </Fact>
        ))}
      </dl>
    </>
  );
}

function Ids({ turn }: { turn: RequestView }) {
  return (
    <>
      <h3>Ids</h3>
      <dl class="turns-facts">
        <Fact name="Request">
          <Id of={turn.id} name="the request’s id" />
        </Fact>
        {turn.session === null ? null : (
          <Fact name="Session">
            <Id of={turn.session} name="the session’s hash" />
            <a href={hrefOf({ session: turn.session })}>its turns</a>
          </Fact>
        )}
        {turn.thread === null ? null : (
          <Fact name="Thread">
            <Id of={turn.thread} name="the thread’s hash" />
          </Fact>
        )}
      </dl>
    </>
  );
}

function Id({ of, name }: { of: string; name: string }) {
  return (
    <span class="wrap">
      <code>{of}</code>
      <Copy text={of} of={name} />
    </span>
  );
}
