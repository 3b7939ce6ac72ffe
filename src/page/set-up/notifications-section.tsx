import { Button } from '../ui/button.js';
import { Section } from '../ui/section.js';
import { notificationState, switchOff, switchOn } from './notifications-watch.js';

/** The switch for notifications of this browser. */
export function NotificationsSection() {
  return (
    <Section title="Notifications of this browser">
      <p class="quiet">
        While this page is open, also in the background: when an account needs you, and when the pool is out
        or back. They contain no e-mail address.
      </p>
      <Switch />
    </Section>
  );
}

function Switch() {
  switch (notificationState.value) {
    case 'on':
      return <Button onClick={switchOff}>Switch off</Button>;
    case 'off':
      return <Button onClick={() => void switchOn()}>Switch on</Button>;
    case 'denied':
      return <p>The settings of this browser forbid notifications for this address.</p>;
    case 'unavailable':
      return <p>This browser offers none for this address: it wants https, or a loopback address.</p>;
    default:
      return notificationState.value satisfies never;
  }
}
