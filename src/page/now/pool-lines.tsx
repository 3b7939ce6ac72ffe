import { turns } from '../../wording/account-words.js';
import { amount, percent } from '../../wording/times.js';
import { live } from '../state/live.js';
import { hrefOf } from '../state/router.js';
import { QuotaBar } from '../ui/quota-bar.js';
import { Section } from '../ui/section.js';
import { Time } from '../ui/text.js';

/** The pool's share left per window and meter, the running turns, and today's sums. */
export function PoolLines() {
  const summary = live.summary.value;
  if (summary === null) return null;
  const { windows, meters } = summary;
  return (
    <Section title="Pool" aside={<span class="quiet">share left; the mark: if spent evenly</span>}>
      <ul class="now-windows">
        {windows.map((it) => (
          <li key={it.durationSeconds}>
            <QuotaBar window={it} of="Pool" />
            {it.resetsAt === null ? null : (
              <span class="quiet">
                most back <Time at={it.resetsAt} />
              </span>
            )}
          </li>
        ))}
        {meters.flatMap((meter) =>
          meter.windows.map((it) => (
            <li key={`${meter.name} ${it.durationSeconds}`}>
              <QuotaBar window={it} of="Pool" name={meter.label ?? meter.name} />
            </li>
          )),
        )}
        {windows.length === 0 && meters.length === 0 && <li class="quiet">Not known yet.</li>}
      </ul>
      <Today />
    </Section>
  );
}

function Today() {
  const summary = live.summary.value;
  if (summary === null) return null;
  const { today, inFlight, clientSeenAt } = summary;
  const cached = today.input === 0 ? '' : ` (${percent(today.cached / today.input)} cached)`;
  return (
    <p class="now-today">
      {inFlight === 0 ? 'no turn running' : `${turns(inFlight)} running`}
      {' · '}
      {today.turns === 0 && clientSeenAt === null ? (
        <>
          Codex has not been here since the start: <a href={hrefOf({ view: 'set-up' })}>how to set it up</a>
        </>
      ) : (
        `today ${turns(today.turns)}, ${amount(today.input)} in${cached}, ${amount(today.output)} out`
      )}
      {' · '}
      {`${today.failovers} ${today.failovers === 1 ? 'failover' : 'failovers'}, ${today.failed} failed`}
    </p>
  );
}
