import { useSignal } from '@preact/signals';
import type { LoginView } from '../../api/login.js';
import { call } from '../state/api-client.js';
import { now } from '../state/clock.js';
import { live } from '../state/live.js';
import { ActionButton, Button } from '../ui/button.js';
import { Copy } from '../ui/copy.js';
import { Field } from '../ui/field.js';
import { isOpen, loginWords, newestView } from './login-words.js';

interface Props {
  readonly begun: LoginView;
  readonly onClose: () => void;
}

/** A login that was begun here: what to do next, its state, and a way to end it. */
export function LoginPanel({ begun, onClose }: Props) {
  const login = newestView(begun, live.logins.value);
  const changed = useSignal<LoginView | null>(null);
  // The response to a pasted address may come before the event.
  const shown = changed.value !== null && !isOpen(changed.value) ? changed.value : login;
  return (
    <div class="set-up-login">
      {shown.state === 'waiting' ? <NextStep login={shown} onChange={(it) => (changed.value = it)} /> : null}
      <p role="status">{loginWords(shown, now.value)}</p>
      <div class="wrap">
        {isOpen(shown) ? (
          <ActionButton
            run={async () => call<LoginView>(`/admin/login/${shown.id}`, { method: 'DELETE' })}
            done="The login is cancelled."
            onDone={onClose}
          >
            Cancel
          </ActionButton>
        ) : (
          <Button onClick={onClose}>Close</Button>
        )}
      </div>
    </div>
  );
}

function NextStep({ login, onChange }: { login: LoginView; onChange: (login: LoginView) => void }) {
  if (login.kind === 'device') return <DeviceStep login={login} />;
  return (
    <>
      {login.url === undefined ? null : (
        <p class="wrap">
          <a href={login.url} target="_blank" rel="noopener noreferrer">
            Open the login page
          </a>
          <Copy text={login.url} of="the address of the login page" />
        </p>
      )}
      <PastedAddress login={login} onChange={onChange} />
    </>
  );
}

function DeviceStep({ login: { verificationUrl, userCode } }: { login: LoginView }) {
  return (
    <>
      <p class="wrap">
        1. Open <WebLink to={verificationUrl ?? ''} /> on any device.
      </p>
      <p class="wrap">
        2. Enter the code <code class="set-up-code">{userCode}</code>
        <Copy text={userCode ?? ''} of="the code" />
      </p>
    </>
  );
}

/** The address comes from the authorization server: only one of the web becomes a link. */
function WebLink({ to }: { to: string }) {
  if (!/^https?:\/\//.test(to)) return <bdi>{to}</bdi>;
  return (
    <a href={to} target="_blank" rel="noopener noreferrer">
      {to}
    </a>
  );
}

/** For a browser on another machine: it ends at an address that only this machine can take. */
function PastedAddress({ login, onChange }: { login: LoginView; onChange: (login: LoginView) => void }) {
  const url = useSignal('');
  return (
    <details>
      <summary>The browser is on another machine</summary>
      <div class="set-up-pasted">
        <Field
          label="Address where it ended"
          hint="After the login that browser shows an error at an address that begins with http://localhost. Paste all of it here."
        >
          <input
            type="url"
            value={url}
            onInput={({ currentTarget: { value } }) => (url.value = value)}
            autocomplete="off"
            spellcheck={false}
          />
        </Field>
        <ActionButton
          disabled={url.value.trim() === ''}
          run={async () =>
            call<LoginView>(`/admin/login/${login.id}/callback`, {
              method: 'POST',
              body: { url: url.value.trim() },
            })
          }
          done={(after) => loginWords(after, now.peek())}
          onDone={onChange}
        >
          Finish the login
        </ActionButton>
      </div>
    </details>
  );
}
