import type { AccountView } from '../../api/account.js';
import { showsEmails } from '../state/preferences.js';
import { live } from '../state/live.js';
import { hrefOf } from '../state/router.js';
import { Copy } from '../ui/copy.js';
import { Drawer } from '../ui/drawer.js';
import { Empty } from '../ui/section.js';
import { Name, StateWord } from '../ui/text.js';
import { LoginButton, ResumeButton } from './account-buttons.js';
import { AccountLine } from './account-line.js';
import { CheckActions } from './check-actions.js';
import { CredentialFacts } from './credential-facts.js';
import { Evidence } from './evidence.js';
import { PauseForm } from './pause-form.js';
import { QuotaFacts } from './quota-facts.js';
import { RemoveForm } from './remove-form.js';
import { SettingsForm } from './settings-form.js';
import { WindowHistory } from './window-history.js';

/** One account: what is known of it, and what may be done with it. */
export function AccountDrawer({ name, onClose }: { name: string; onClose: () => void }) {
  const account = live.account(name);
  return (
    <Drawer title={<Name of={name} />} onClose={onClose}>
      {account === null ? (
        <Empty>{live.summary.value === null ? 'Loading …' : 'The pool has no account of this name.'}</Empty>
      ) : (
        <Account account={account} />
      )}
    </Drawer>
  );
}

function Account({ account }: { account: AccountView }) {
  const { name, state } = account;
  return (
    <>
      <div class="account-state">
        <StateWord state={state} />
        <p>
          <AccountLine account={account} />
        </p>
        {state === 'paused' && <ResumeButton name={name} />}
        {state === 'needs-login' && <LoginButton name={name} />}
      </div>
      {account.warnings.map((it) => (
        <p key={it} class="account-warning">
          <span aria-hidden="true">▲ </span>
          {it}
        </p>
      ))}
      <QuotaFacts account={account} />
      {state !== 'broken-file' && <WindowHistory name={name} />}
      <Evidence account={account} />
      <CheckActions account={account} />
      {state !== 'paused' && state !== 'broken-file' && <PauseForm account={account} />}
      <SettingsForm key={name} account={account} />
      <CredentialFacts account={account} />
      {showsEmails.value && account.email !== null && (
        <p class="account-part">
          {account.email} <Copy text={account.email} of="the e-mail address" />
        </p>
      )}
      <p class="account-part wrap">
        <a href={hrefOf({ view: 'turns', account: name })}>Its turns</a>
        <a href={hrefOf({ view: 'use', account: name })}>Its use</a>
        <a href={hrefOf({ view: 'sessions', account: name })}>Its sessions</a>
      </p>
      <RemoveForm name={name} />
    </>
  );
}
