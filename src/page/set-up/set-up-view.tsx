import { AddAccount } from './add-account.js';
import { ConfigSection } from './config-section.js';
import { DoctorSection } from './doctor-section.js';
import { NotificationsSection } from './notifications-section.js';
import { SettingsSection } from './settings-section.js';

/** Adding accounts, pointing Codex at the pool, checks, settings, notifications. */
export function SetUpView() {
  return (
    <>
      <AddAccount />
      <ConfigSection />
      <DoctorSection />
      <SettingsSection />
      <NotificationsSection />
    </>
  );
}
