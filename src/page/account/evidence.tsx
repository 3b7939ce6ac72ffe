import type { AccountView } from '../../api/account.js';
import { Time, Unknown } from '../ui/text.js';
import { Fact, Part } from './part.js';

/** The evidence about the account, with its age. */
export function Evidence({ account }: { account: AccountView }) {
  const { refusals, lastSuccessAt, since } = account;
  return (
    <Part title="Evidence">
      <dl>
        <Fact name="Last success">
          {lastSuccessAt === null ? (
            <Unknown why="none since the record began" />
          ) : (
            <Time at={lastSuccessAt} as="ago" />
          )}
        </Fact>
        {since === null ? null : (
          <Fact name="In this state">
            since <Time at={since} /> (<Time at={since} as="ago" />)
          </Fact>
        )}
        {refusals.map((it) => (
          <Fact key={it.scope} name={scopeWords(it.scope)}>
            {it.reason}, seen <Time at={it.at} as="ago" />, holds until <Time at={it.until} as="wait" />
          </Fact>
        ))}
      </dl>
      {refusals.length === 0 && <p class="quiet">No refusal is in force.</p>}
    </Part>
  );
}

function scopeWords(scope: string): string {
  const [kind = '', ...name] = scope.split(':');
  return name.length === 0 ? `Refused: ${kind}` : `Refused: ${kind} ${name.join(':')}`;
}
