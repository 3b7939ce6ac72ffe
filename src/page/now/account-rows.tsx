import { useEffect, useRef } from 'preact/hooks';
import type { AccountView } from '../../api/account.js';
import { amount } from '../../wording/times.js';
import { LoginButton, ResumeButton } from '../account/account-buttons.js';
import { AccountLine, LineBesideBars } from '../account/account-line.js';
import { live } from '../state/live.js';
import { showsEmails } from '../state/preferences.js';
import { hrefOf, navigate, param } from '../state/router.js';
import { QuotaBar } from '../ui/quota-bar.js';
import { Empty, Section } from '../ui/section.js';
import { Name, StateWord, Unknown } from '../ui/text.js';

/** With more accounts than this there is a field to search them. */
const FEW = 8;

export function AccountRows() {
  const names = live.accountNames.value;
  const wanted = param('find');
  const shown = names.filter((it) => it.toLowerCase().includes(wanted.toLowerCase()));
  return (
    <Section title="Accounts" aside={names.length > FEW || wanted !== '' ? <Search wanted={wanted} /> : null}>
      {shown.length === 0 ? (
        <Empty>No account has “{wanted}” in its name.</Empty>
      ) : (
        <ul class="rows">
          {shown.map((it) => (
            <AccountRow key={it} name={it} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Search({ wanted }: { wanted: string }) {
  return (
    <input
      type="search"
      data-search
      aria-label="Search the accounts"
      placeholder="Search"
      value={wanted}
      onInput={(event) => navigate({ find: event.currentTarget.value }, 'replace')}
    />
  );
}

/** Reads its own account only: a change of one account renders one row. */
function AccountRow({ name }: { name: string }) {
  const account = live.account(name);
  const isOpen = param('account') === name;
  const row = useRef<HTMLLIElement>(null);
  const isThere = account !== null;
  useEffect(() => {
    if (isOpen && isThere) row.current?.scrollIntoView({ block: 'nearest' });
  }, [isOpen, isThere]);
  if (account === null) return null;
  const { state, label, plan, inFlight, today, email } = account;
  const tokens = today.input + today.output;
  return (
    <li ref={row} class="row now-account" data-open={isOpen ? '' : undefined}>
      <div class="now-name">
        <a data-row href={hrefOf({ account: name })} title={name}>
          <Name of={name} />
        </a>
        {label === null ? null : (
          <span class="quiet">
            <Name of={label} />
          </span>
        )}
        {showsEmails.value && email !== null ? (
          <span class="quiet">
            <Name of={email} />
          </span>
        ) : null}
      </div>
      <div title={account.sentence}>
        <StateWord state={state} />
      </div>
      <Middle account={account} />
      <div class="now-figures">
        <span class="number">
          {inFlight === 0 ? <Unknown why="no turn is running" /> : `${inFlight} running`}
        </span>
        <span class="plan">{plan ?? <Unknown why="the login names no plan" />}</span>
        <span class="number">
          {tokens === 0 ? <Unknown why="no tokens today" /> : `${amount(tokens)} today`}
        </span>
      </div>
    </li>
  );
}

const withBars: ReadonlySet<AccountView['state']> = new Set(['ready', 'last-in-line', 'full']);

/** The windows of an account that serves, or why it does not, and what helps. */
function Middle({ account }: { account: AccountView }) {
  const { name, state, windows } = account;
  if (withBars.has(state) && windows.length > 0) {
    return (
      <div class="now-middle">
        <div class="now-bars">
          {windows.map((it) => (
            <QuotaBar key={it.durationSeconds} window={it} of={name} />
          ))}
        </div>
        <span class="quiet">
          <LineBesideBars account={account} />
        </span>
      </div>
    );
  }
  return (
    <div class="now-middle">
      <AccountLine account={account} />
      {state === 'paused' && <ResumeButton name={name} />}
      {state === 'needs-login' && <LoginButton name={name} />}
    </div>
  );
}
