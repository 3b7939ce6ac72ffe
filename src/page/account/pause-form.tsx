import { useSignal } from '@preact/signals';
import type { AccountView } from '../../api/account.js';
import { clock } from '../../wording/times.js';
import { now } from '../state/clock.js';
import { ActionButton } from '../ui/button.js';
import { Field } from '../ui/field.js';
import { changeAccount, storedWords } from './account-calls.js';
import { fromLocalField, toLocalField } from './local-time.js';
import { Part } from './part.js';

const HOUR = 3_600_000;
type Until = 'resumed' | 'reset' | 'time';

/** Pauses an account until a time, until its next reset, or until it is resumed. Running turns go on. */
export function PauseForm({ account }: { account: AccountView }) {
  const { name } = account;
  const until = useSignal<Until>('resumed');
  const time = useSignal(toLocalField(now.peek() + HOUR));
  const reset = nextReset(account, now.peek());
  const end = { resumed: null, reset, time: fromLocalField(time.value) }[until.value];
  const isReady = until.value === 'resumed' || (end !== null && end > now.value);
  return (
    <Part title="Pause">
      <div class="account-form">
        <Field label="Until">
          <select
            value={until.value}
            onChange={(event) => (until.value = untilOf(event.currentTarget.value))}
          >
            <option value="resumed">it is resumed</option>
            <option value="reset" disabled={reset === null}>
              {reset === null ? 'its reset (not known)' : `its reset, ${clock(reset, now.peek())}`}
            </option>
            <option value="time">a time</option>
          </select>
        </Field>
        {until.value === 'time' && (
          <Field label="Time" error={isReady ? null : 'A time that is still to come.'}>
            <input
              type="datetime-local"
              value={time.value}
              onInput={(event) => (time.value = event.currentTarget.value)}
            />
          </Field>
        )}
        <ActionButton
          run={async () =>
            changeAccount(name, end === null ? { paused: true } : { paused: true, pausedUntil: end })
          }
          done={(it) =>
            `${name} is paused ${end === null ? 'until it is resumed' : `until ${clock(end, now.peek())}`}; its running turns go on.${storedWords(it)}`
          }
          disabled={!isReady}
          title="New turns go to other accounts; running ones go on"
        >
          Pause
        </ActionButton>
      </div>
    </Part>
  );
}

function untilOf(value: string): Until {
  return value === 'reset' || value === 'time' ? value : 'resumed';
}

/** Returns the next reset of a window, preferably of one that is spent; null if none is known. */
function nextReset({ windows }: AccountView, at: number): number | null {
  const known = windows.flatMap(({ resetsAt, usedRatio }) =>
    resetsAt !== null && resetsAt > at ? [{ resetsAt, isSpent: usedRatio >= 1 }] : [],
  );
  const spent = known.filter((it) => it.isSpent);
  const resets = (spent.length > 0 ? spent : known).map((it) => it.resetsAt);
  return resets.length === 0 ? null : spent.length > 0 ? Math.max(...resets) : Math.min(...resets);
}
