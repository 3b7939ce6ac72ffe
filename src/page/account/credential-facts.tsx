import type { AccountView } from '../../api/account.js';
import { Copy } from '../ui/copy.js';
import { Time, Unknown } from '../ui/text.js';
import { Fact, Part } from './part.js';

/** The login: when its token ends and was refreshed, and its id. Never a token. */
export function CredentialFacts({ account }: { account: AccountView }) {
  const { expiresAt, lastRefreshAt, refresh, accountId } = account;
  return (
    <Part title="Login">
      <dl>
        <Fact name="Token good until">
          {expiresAt === null ? <Unknown why="the token does not say" /> : <Time at={expiresAt} as="wait" />}
        </Fact>
        <Fact name="Last refreshed">
          {lastRefreshAt === null ? (
            <Unknown why="the file does not say" />
          ) : (
            <Time at={lastRefreshAt} as="ago" />
          )}
        </Fact>
        <Fact name="Refresh">{refresh}</Fact>
        <Fact name="Account id">
          {accountId === null ? (
            <Unknown why="the login has none" />
          ) : (
            <>
              <code>{accountId}</code> <Copy text={accountId} of="the account id" />
            </>
          )}
        </Fact>
      </dl>
    </Part>
  );
}
