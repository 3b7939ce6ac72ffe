import type { AccountView } from '../../api/account.js';
import { accountLine } from '../../wording/account-words.js';
import { now } from '../state/clock.js';

/** The line below the state's word: the cause, and what ends it. It counts with the clock. */
export function AccountLine({ account }: { account: AccountView }) {
  return <>{accountLine(account, now.value)}</>;
}
