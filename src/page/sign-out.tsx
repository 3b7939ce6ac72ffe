import type { PageSessionView } from '../api/page-session.js';
import { call } from './state/api-client.js';
import { useResource } from './state/resource.js';
import { ActionButton } from './ui/button.js';

/** Ends this browser's session. Only for a browser that has signed in with the token. */
export function SignOut() {
  const session = useResource<PageSessionView>('/admin/session').value.value;
  if (session === null || session.endsAt === null) return null;
  return (
    <ActionButton
      kind="quiet"
      run={async () => call('/admin/session', { method: 'DELETE' })}
      done="Signed out."
      onDone={() => location.reload()}
      title="End the session of this browser"
    >
      sign out
    </ActionButton>
  );
}
