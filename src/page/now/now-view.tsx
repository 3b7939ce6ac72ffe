import { AccountDrawer } from '../account/account-drawer.js';
import { live } from '../state/live.js';
import { hrefOf, navigate, param } from '../state/router.js';
import { Empty, Section } from '../ui/section.js';
import { AccountRows } from './account-rows.js';
import { LastTurns } from './last-turns.js';
import { PoolLines } from './pool-lines.js';
import { ProblemStrip } from './problem-strip.js';

/** The pool now: what is wrong, how much is left, each account, the last turns. One account in the drawer. */
export function NowView() {
  const open = param('account');
  return (
    <div class="with-drawer">
      <div>
        <Now />
      </div>
      {open === '' ? null : <AccountDrawer key={open} name={open} onClose={closeDrawer} />}
    </div>
  );
}

function closeDrawer(): void {
  navigate({ account: null });
}

function Now() {
  if (live.summary.value === null) return <p class="quiet now-wait">Loading …</p>;
  if (live.accountNames.value.length === 0) return <NoAccount />;
  return (
    <>
      <ProblemStrip />
      <PoolLines />
      <AccountRows />
      <LastTurns />
    </>
  );
}

function NoAccount() {
  return (
    <>
      <ProblemStrip />
      <Section title="Accounts">
        <Empty action={<a href={hrefOf({ view: 'set-up' })}>Add an account</a>}>
          The pool has no account yet. Turns are refused until it has one.
        </Empty>
      </Section>
    </>
  );
}
