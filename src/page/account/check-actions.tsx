import type { AccountView } from '../../api/account.js';
import { ActionButton } from '../ui/button.js';
import { actOn } from './account-calls.js';
import { LoginButton } from './account-buttons.js';
import { Part } from './part.js';

/** Actions by which the pool learns about the account at once. */
export function CheckActions({ account }: { account: AccountView }) {
  const { name, state, refusals } = account;
  return (
    <Part title="Check">
      <div class="wrap">
        <ActionButton
          run={async () => actOn(name, 'poll')}
          done={`The quota of ${name} has been polled.`}
          title="Ask upstream for its quota now"
        >
          Poll quota
        </ActionButton>
        <ActionButton
          run={async () => actOn(name, 'refresh')}
          done={`The token of ${name} has been refreshed.`}
          title="Renew its access token now, due or not"
        >
          Refresh token
        </ActionButton>
        <ActionButton
          run={async () => actOn(name, 'reset')}
          done={`The cooldowns of ${name} are forgotten; the next turn may try it.`}
          disabled={refusals.length === 0 && state !== 'resting' && state !== 'at-limit'}
          title="Forget the refusals seen, so that the next turn may try it. Spent quota windows stay."
        >
          Forget cooldowns
        </ActionButton>
        {state !== 'needs-login' && <LoginButton name={name} />}
      </div>
    </Part>
  );
}
