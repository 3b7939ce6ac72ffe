import type { PoolProblem } from '../../api/summary.js';
import { LoginButton, ResumeButton } from '../account/account-buttons.js';
import { actOn } from '../account/account-calls.js';
import { call } from '../state/api-client.js';
import { live } from '../state/live.js';
import { hrefOf } from '../state/router.js';
import { ActionButton } from '../ui/button.js';
import { Time } from '../ui/text.js';

/** The problems, each with its time and a remedy. Renders nothing if there are none. */
export function ProblemStrip() {
  const problems = live.summary.value?.problems ?? [];
  if (problems.length === 0) return null;
  return (
    <section aria-label="Problems">
      <ul class="now-problems">
        {problems.map((it) => (
          <li key={`${it.code} ${it.account ?? ''}`}>
            <p>
              <span aria-hidden="true">▲ </span>
              {it.sentence}
              {it.since === null ? null : (
                <span class="quiet">
                  {' '}
                  (since <Time at={it.since} />)
                </span>
              )}
            </p>
            <Help problem={it} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Help({ problem: { action, account } }: { problem: PoolProblem }) {
  switch (action) {
    case 'login':
      return account === null ? null : <LoginButton name={account} />;
    case 'resume':
      return account === null ? null : <ResumeButton name={account} />;
    case 'refresh':
      if (account === null) return null;
      return (
        <ActionButton
          run={async () => actOn(account, 'refresh')}
          done={`The token of ${account} has been refreshed.`}
        >
          Refresh token
        </ActionButton>
      );
    case 'reload':
      return (
        <ActionButton
          run={async () => call('/admin/reload', { method: 'POST' })}
          done="The pool folder has been read again."
        >
          Read the folder again
        </ActionButton>
      );
    case 'add-account':
      return <a href={hrefOf({ view: 'set-up' })}>Add an account</a>;
    case 'set-up':
      return <a href={hrefOf({ view: 'set-up' })}>How to set up Codex</a>;
    case null:
      return null;
    default:
      return action satisfies never;
  }
}
