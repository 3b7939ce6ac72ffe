import { useSignal } from '@preact/signals';
import { navigate } from '../state/router.js';
import { ActionButton, Button } from '../ui/button.js';
import { Field } from '../ui/field.js';
import { removeAccount } from './account-calls.js';
import { Part } from './part.js';

/** Removes an account after its name was typed. Its file is kept, so that it can be put back. */
export function RemoveForm({ name }: { name: string }) {
  const isOpen = useSignal(false);
  const typed = useSignal('');
  if (!isOpen.value) {
    return (
      <div class="account-part">
        <Button kind="danger" onClick={() => (isOpen.value = true)}>
          Remove …
        </Button>
      </div>
    );
  }
  return (
    <Part title="Remove from the pool">
      <div class="account-form">
        <p>
          Running turns end as usual, and new ones go to other accounts. The file moves to{' '}
          <code>.removed/</code> in the pool folder; put it back to undo this.
        </p>
        <Field label={`Type ${name} to confirm`}>
          <input
            value={typed.value}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => (typed.value = event.currentTarget.value)}
          />
        </Field>
        <div class="wrap">
          <ActionButton
            kind="danger"
            run={async () => removeAccount(name)}
            done={({ movedTo }) => `${name} has left the pool. Its file is now ${movedTo}.`}
            onDone={() => navigate({ account: null })}
            disabled={typed.value !== name}
          >
            Remove {name}
          </ActionButton>
          <Button onClick={() => (isOpen.value = false)}>Keep it</Button>
        </div>
      </div>
    </Part>
  );
}
