import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { call } from '../state/api-client.js';
import { live } from '../state/live.js';
import { navigate, param } from '../state/router.js';
import { ActionButton, Button } from '../ui/button.js';
import { Field } from '../ui/field.js';
import { Empty, ProblemNote, Section } from '../ui/section.js';
import { SessionRow } from './session-row.js';
import { SessionsList } from './sessions-list.js';

/** The sessions that are kept on an account: newest use first, of one account or of all. */
export function SessionsView() {
  const account = param('account').slice(0, 200);
  return (
    <Section title="Sessions" aside={<AccountChoice account={account} />}>
      <p class="quiet">
        A session stays on its account while that can serve, so that upstream’s cache is used. It moves by
        itself when the account cannot.
      </p>
      <SessionsOf key={account} account={account} />
    </Section>
  );
}

function AccountChoice({ account }: { account: string }) {
  const names = live.accountNames.value;
  const choices = account === '' || names.includes(account) ? names : [account, ...names];
  return (
    <Field label="Account">
      <select
        value={account}
        data-search
        onChange={({ currentTarget: { value } }) => navigate({ account: value }, 'replace')}
      >
        <option value="">All</option>
        {choices.map((it) => (
          <option key={it} value={it}>
            {it}
          </option>
        ))}
      </select>
    </Field>
  );
}

function SessionsOf({ account }: { account: string }) {
  const list = useMemo(() => new SessionsList(account), []);
  useEffect(() => {
    void list.load();
    return () => list.stop();
  }, [list]);
  const sessions = list.sessions.value;
  const problem = list.problem.value;
  return (
    <div aria-busy={list.isLoading.value}>
      {problem === null ? null : <ProblemNote problem={problem} onRetry={() => void list.load()} />}
      {sessions === null ? problem === null && <p class="quiet">Loading …</p> : null}
      {sessions?.length === 0 ? <NoSessions account={account} /> : null}
      {sessions !== null && sessions.length > 0 ? (
        <>
          <ul class="sessions-list">
            {sessions.map((it) => (
              <SessionRow key={it.session} session={it} list={list} />
            ))}
          </ul>
          <div class="wrap sessions-foot">
            {list.next.value === null ? null : (
              <Button onClick={() => void list.more()} disabled={list.isLoading.value}>
                Show more
              </Button>
            )}
            <Button onClick={() => void list.load()} disabled={list.isLoading.value}>
              Refresh
            </Button>
            <ForgetAll account={account} onDone={() => void list.load()} />
          </div>
        </>
      ) : null}
    </div>
  );
}

function NoSessions({ account }: { account: string }) {
  if (account === '') return <Empty>No session yet: the first turn of Codex begins one.</Empty>;
  return (
    <Empty action={<Button onClick={() => navigate({ account: null })}>Show all accounts</Button>}>
      No session is on <bdi>{account}</bdi>.
    </Empty>
  );
}

/** Forgets every session that is listed, after a second click. */
function ForgetAll({ account, onDone }: { account: string; onDone: () => void }) {
  const isAsking = useSignal(false);
  const which = account === '' ? 'all sessions' : `all sessions of ${account}`;
  if (!isAsking.value)
    return <Button kind="quiet" onClick={() => (isAsking.value = true)}>{`Forget ${which} …`}</Button>;
  const search = account === '' ? '' : `?account=${encodeURIComponent(account)}`;
  return (
    <>
      <ActionButton
        kind="danger"
        run={async () =>
          call<{ readonly forgotten: number }>(`/admin/affinity${search}`, { method: 'DELETE' })
        }
        done={({ forgotten }) => `Forgotten: ${forgotten} ${forgotten === 1 ? 'session' : 'sessions'}.`}
        onDone={() => {
          isAsking.value = false;
          onDone();
        }}
      >
        {`Yes, forget ${which}`}
      </ActionButton>
      <Button onClick={() => (isAsking.value = false)}>Keep them</Button>
    </>
  );
}
