import { useSignal } from '@preact/signals';
import type { AccountView } from '../../api/account.js';
import { ActionButton } from '../ui/button.js';
import { Field } from '../ui/field.js';
import { type AccountChanges, changeAccount, storedWords } from './account-calls.js';
import { Part } from './part.js';

interface Draft {
  readonly label: string;
  readonly priority: string;
  readonly reserve: string;
  readonly maxInFlight: string;
  readonly credits: 'last' | 'never';
}

/** Label, order, reserve, cap and credits of an account; saved together. */
export function SettingsForm({ account }: { account: AccountView }) {
  const draft = useSignal<Partial<Draft>>({});
  const shown: Draft = { ...draftOf(account), ...draft.value };
  const set = (change: Partial<Draft>) => {
    draft.value = { ...draft.value, ...change };
  };
  const changes = changesIn(account, shown);
  const hasChanged = Object.keys(changes).length > 0;
  return (
    <Part title="Settings">
      <div class="account-form">
        <Field label="Label" hint="Shown beside the name.">
          <input
            value={shown.label}
            maxLength={100}
            onInput={(it) => set({ label: it.currentTarget.value })}
          />
        </Field>
        <Field label="Priority" hint="Under “first in order”, accounts of a higher priority serve first.">
          <input
            type="number"
            step={1}
            value={shown.priority}
            onInput={(it) => set({ priority: it.currentTarget.value })}
          />
        </Field>
        <Field label="Reserve, %" hint="Share of each quota window that the pool leaves unused.">
          <input
            type="number"
            min={0}
            max={100}
            value={shown.reserve}
            onInput={(it) => set({ reserve: it.currentTarget.value })}
          />
        </Field>
        <Field label="Most turns at a time" hint="Empty: no cap.">
          <input
            type="number"
            min={1}
            value={shown.maxInFlight}
            onInput={(it) => set({ maxInFlight: it.currentTarget.value })}
          />
        </Field>
        <Field label="Credits" hint="Once its quota is used up.">
          <select
            value={shown.credits}
            onChange={(it) => set({ credits: it.currentTarget.value === 'never' ? 'never' : 'last' })}
          >
            <option value="last">serve after all other accounts</option>
            <option value="never">never serve</option>
          </select>
        </Field>
        <ActionButton
          run={async () => changeAccount(account.name, changes)}
          done={(it) => `The settings of ${account.name} are changed.${storedWords(it)}`}
          onDone={() => (draft.value = {})}
          disabled={!hasChanged}
        >
          Save
        </ActionButton>
      </div>
    </Part>
  );
}

function draftOf({ label, priority, reserve, maxInFlight, credits }: AccountView): Draft {
  return {
    label: label ?? '',
    priority: String(priority),
    reserve: String(Math.round(reserve * 100)),
    maxInFlight: maxInFlight === null ? '' : String(maxInFlight),
    credits,
  };
}

/** Returns the fields that differ from the account. The program checks them and says what is wrong. */
function changesIn(account: AccountView, draft: Draft): AccountChanges {
  const before = draftOf(account);
  return {
    ...(draft.label === before.label ? {} : { label: draft.label === '' ? null : draft.label }),
    ...(draft.priority === before.priority ? {} : { priority: Number(draft.priority) }),
    ...(draft.reserve === before.reserve ? {} : { reserve: Number(draft.reserve) / 100 }),
    ...(draft.maxInFlight === before.maxInFlight
      ? {}
      : { maxInFlight: draft.maxInFlight === '' ? null : Number(draft.maxInFlight) }),
    ...(draft.credits === before.credits ? {} : { credits: draft.credits }),
  };
}
