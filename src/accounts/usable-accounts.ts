import { COUNT_USABLE_ACCOUNTS } from '../observability/upstream-monitor.js';
import { AccountRegistry } from './account-registry.js';

/** Counts the accounts that can serve now or once some time has passed: cooldowns and full quotas do not matter. */
export const usableAccountsProvider = {
  provide: COUNT_USABLE_ACCOUNTS,
  inject: [AccountRegistry],
  useFactory: (registry: AccountRegistry) => (): number =>
    registry.list().filter((it) => {
      const isPausedForGood = it.settings.isPaused && it.settings.pausedUntil === null;
      const isOut = isPausedForGood || it.needsLogin || it.evidence.deactivated !== null;
      return it.withdrawal === null && !isOut;
    }).length,
};
