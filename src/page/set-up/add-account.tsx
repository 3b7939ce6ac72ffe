import { useSignal } from '@preact/signals';
import type { LoginView } from '../../api/login.js';
import { call } from '../state/api-client.js';
import { param } from '../state/router.js';
import { ActionButton } from '../ui/button.js';
import { Field } from '../ui/field.js';
import { Section } from '../ui/section.js';
import { AuthFiles } from './auth-files-drop.js';
import { LoginPanel } from './login-panel.js';

/** The ways to add an account, or to log one in again: by browser, by device code, by files. */
export function AddAccount() {
  const name = useSignal(param('name').slice(0, 200));
  const begun = useSignal<LoginView | null>(null);
  const begin = async (kind: 'browser' | 'device') => {
    const chosen = name.value.trim();
    return call<LoginView>(`/admin/login/${kind}`, {
      method: 'POST',
      body: chosen === '' ? {} : { name: chosen },
    });
  };
  return (
    <Section title="Add an account">
      <div class="set-up-add">
        <Field
          label="Name"
          hint="For the pool only, such as work. Empty: one is chosen. An existing account gets a new login."
        >
          <input
            value={name}
            onInput={({ currentTarget: { value } }) => (name.value = value)}
            maxLength={200}
            autocomplete="off"
            spellcheck={false}
          />
        </Field>
        {begun.value === null ? (
          <div class="wrap">
            <ActionButton
              kind="primary"
              run={async () => begin('browser')}
              done="The login waits for you in the new tab."
              onDone={(login) => {
                begun.value = login;
                // May be blocked; the panel has the link, too.
                if (login.url !== undefined) open(login.url, '_blank', 'noopener,noreferrer');
              }}
            >
              Log in with this browser
            </ActionButton>
            <ActionButton
              run={async () => begin('device')}
              done="The login waits for its code."
              onDone={(login) => (begun.value = login)}
            >
              Log in with a code
            </ActionButton>
          </div>
        ) : (
          <LoginPanel key={begun.value.id} begun={begun.value} onClose={() => (begun.value = null)} />
        )}
        <AuthFiles />
      </div>
    </Section>
  );
}
