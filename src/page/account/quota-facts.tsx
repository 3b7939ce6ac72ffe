import type { AccountView } from '../../api/account.js';
import type { QuotaWindow } from '../../api/shared-shapes.js';
import { amount } from '../../wording/times.js';
import { QuotaBar } from '../ui/quota-bar.js';
import { Time, Unknown } from '../ui/text.js';
import { Fact, Part } from './part.js';

/** Windows and meters with their resets, credits, and the tokens so far. */
export function QuotaFacts({ account }: { account: AccountView }) {
  const { name, windows, meters, creditStatus, totals, today } = account;
  return (
    <Part title="Quota left">
      <ul class="account-windows">
        {windows.map((it) => (
          <Window key={it.durationSeconds} window={it} of={name} />
        ))}
        {meters.flatMap((meter) =>
          meter.windows.map((it) => (
            <Window
              key={`${meter.name} ${it.durationSeconds}`}
              window={it}
              of={name}
              meter={meter.label ?? meter.name}
            />
          )),
        )}
      </ul>
      {windows.length === 0 && meters.length === 0 && (
        <p class="quiet">Not known yet: the first turn or poll brings it.</p>
      )}
      <dl>
        <Fact name="Plan">
          {account.plan === null ? (
            <Unknown why="the login does not name it" />
          ) : (
            <span class="plan">{account.plan}</span>
          )}
        </Fact>
        <Fact name="Credits">{creditWords(creditStatus) ?? <Unknown why="upstream has not said" />}</Fact>
        <Fact name="Today">{`${today.turns} turns, ${amount(today.input)} in, ${amount(today.output)} out`}</Fact>
        <Fact name="In all">{`${totals.turns} turns, ${amount(totals.input)} in, ${amount(totals.output)} out`}</Fact>
      </dl>
    </Part>
  );
}

function Window({ window, of, meter }: { window: QuotaWindow; of: string; meter?: string }) {
  return (
    <li>
      {meter === undefined ? null : <span class="account-meter">{meter}</span>}
      <QuotaBar window={window} of={of} />
      <span class="quiet">
        {window.resetsAt === null ? (
          'upstream does not say when it resets'
        ) : (
          <>
            resets <Time at={window.resetsAt} as="wait" />
          </>
        )}
        {' · '}seen <Time at={window.seenAt} as="ago" />
      </span>
    </li>
  );
}

function creditWords(credits: AccountView['creditStatus']): string | null {
  if (credits === null) return null;
  if (credits.unlimited) return 'unlimited';
  if (!credits.hasCredits) return 'none';
  return credits.balance === null
    ? 'some; upstream does not say how many'
    : `${credits.balance.toFixed(2)} left`;
}
