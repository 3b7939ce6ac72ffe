import { useSignal } from '@preact/signals';
import { ActionButton } from '../ui/button.js';
import { beginLogin, changeAccount, storedWords } from './account-calls.js';

export function ResumeButton({ name }: { name: string }) {
  return (
    <ActionButton
      run={async () => changeAccount(name, { paused: false })}
      done={(it) => `${name} takes turns again.${storedWords(it)}`}
      title={`Let ${name} take turns again`}
    >
      Resume
    </ActionButton>
  );
}

/** Begins a login in a new tab. A browser that keeps the tab from opening leaves the link. */
export function LoginButton({ name }: { name: string }) {
  const url = useSignal<string | null>(null);
  return (
    <span class="wrap">
      <ActionButton
        run={async () => beginLogin(name)}
        done={`A page of OpenAI has been opened: log in there as ${name}.`}
        onDone={(login) => {
          url.value = login.url ?? null;
          const tab = login.url === undefined ? null : open(login.url, '_blank');
          if (tab !== null) tab.opener = null;
        }}
        title={`Open a page of OpenAI to log in as ${name}`}
      >
        Log in again
      </ActionButton>
      {url.value === null ? null : (
        <a href={url.value} target="_blank" rel="noreferrer">
          Open the login page
        </a>
      )}
    </span>
  );
}
