import type { StoredCredential } from '../tokens/stored-credential.js';
import { needsLogin } from '../tokens/refresh-state.js';
import { type AccountEvidence, noEvidence } from './account-evidence.js';
import type { Withdrawal } from './pool-folder/pool-diff.js';
import { WaitQueue } from './wait-queue.js';

/** What the operator decides about an account; nothing of it comes from upstream. */
export interface AccountSettings {
  readonly isPaused: boolean;
  readonly label: string | null;
  /** For `fill-first`: higher goes first. */
  readonly priority: number;
  /** Share of each quota window that this pool never uses, 0–1. */
  readonly reserveRatio: number;
  /** Cap on requests in flight; null is none. */
  readonly maxInFlight: number | null;
}

export const defaultSettings: AccountSettings = {
  isPaused: false,
  label: null,
  priority: 0,
  reserveRatio: 0,
  maxInFlight: null,
};

/** One ChatGPT login that can serve: its credential, the operator's settings, and what was seen of it. */
export class Account {
  settings: AccountSettings = defaultSettings;
  evidence: AccountEvidence = noEvidence;
  inFlight = 0;
  /** Newer word on the plan than the token's, from a poll. */
  polledPlan: string | null = null;
  /** The routing that upstream wants for this account (docs/protocol.md, accounts/check); null is none. */
  routingOverride: string | null = null;
  /** Set while it has no file that can be used, until its last turn has ended. */
  withdrawal: Withdrawal | null = null;
  /** Requests that wait for one of its slots; called whenever one may be free. */
  readonly waiters = new WaitQueue();
  private dismiss: (() => void) | null = null;

  constructor(
    /** Identity: stays the same when tokens are renewed or the file is renamed. */
    readonly id: string,
    public storedCredential: StoredCredential,
  ) {}

  /** The name of its credential file; what people and the API call it. */
  get name(): string {
    return this.storedCredential.name;
  }

  /** End of the access token, epoch ms; null when it does not tell. */
  get tokenEndsAt(): number | null {
    const { isExpiryEstimated, expiresAt } = this.storedCredential.credential;
    return isExpiryEstimated ? null : expiresAt;
  }

  /** Whether only a login helps. `now`: epoch ms. */
  needsLogin(now: number): boolean {
    return needsLogin(this.storedCredential.refresh, this.tokenEndsAt, now);
  }

  /** Takes no new turns from now on; calls back once no turn is in flight, at once if none is. */
  withdraw(withdrawal: Withdrawal, dismiss: () => void): void {
    this.withdrawal = withdrawal;
    this.dismiss = dismiss;
    if (this.inFlight === 0) this.becameIdle();
  }

  /** Its file is back. */
  readmit(): void {
    this.withdrawal = null;
    this.dismiss = null;
  }

  /** Called when the last turn in flight has ended. */
  becameIdle(): void {
    const { dismiss } = this;
    this.dismiss = null;
    dismiss?.();
  }

  /** In lower case; null when nothing tells it. */
  get plan(): string | null {
    return this.polledPlan ?? this.storedCredential.credential.plan;
  }
}
