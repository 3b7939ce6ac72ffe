import type { AccountView } from '../../api/account.js';
import { accountLine, exceptions } from '../../wording/account-words.js';
import { minute, now } from '../state/clock.js';

/** The line below the state's word: the cause, and what ends it. It counts with the clock. */
export function AccountLine({ account }: { account: AccountView }) {
  return <>{accountLine(account, now.value)}</>;
}

/** The line of an account whose windows stand beside it: what it does not serve, or why it is last in line. */
export function LineBesideBars({ account }: { account: AccountView }) {
  if (account.state !== 'ready') return <AccountLine account={account} />;
  return <>{exceptions(account, minute.value).join(' · ')}</>;
}
