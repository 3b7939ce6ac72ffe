import { AddAccount } from './add-account.js';
import { ConfigSection } from './config-section.js';
import { NotificationsSection } from './notifications-section.js';
import { SettingsSection } from './settings-section.js';

/** Adding accounts, pointing Codex at the pool, settings, notifications. */
export function SetUpView() {
  return (
    <>
      <AddAccount />
      <ConfigSection />
      <SettingsSection />
      <NotificationsSection />
    </>
  );
}
