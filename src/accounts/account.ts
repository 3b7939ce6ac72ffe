import type { CredentialSlot } from '../tokens/credential-vault.js';
import type { StoredCredential } from '../tokens/stored-credential.js';
import { needsLogin } from '../tokens/refresh-state.js';
import { type AccountEvidence, noEvidence } from './evidence/account-evidence.js';
import type { Withdrawal } from './pool-folder/pool-diff.js';
import { WaitQueue } from './wait-queue.js';

/** The operator's settings of an account. None of them comes from upstream. */
export interface AccountSettings {
  readonly isPaused: boolean;
  /** When the pause ends by itself, epoch ms; null: only the operator ends it. */
  readonly pausedUntil: number | null;
  /** When it was paused, epoch ms; null: it is not paused, or this is not known. */
  readonly pausedAt: number | null;
  readonly label: string | null;
  /** For `fill-first`: higher goes first. */
  readonly priority: number;
  /** Share of each quota window that the pool never uses, 0–1. */
  readonly reserveRatio: number;
  /** Cap on requests in flight; null: no cap. */
  readonly maxInFlight: number | null;
  /** Whether paid credits may serve once the quota is used up: after all other accounts, or never. */
  readonly credits: 'last' | 'never';
}

export const defaultSettings: AccountSettings = {
  isPaused: false,
  pausedUntil: null,
  pausedAt: null,
  label: null,
  priority: 0,
  reserveRatio: 0,
  maxInFlight: null,
  credits: 'last',
};

/** Returns whether the operator has taken an account out, and that has not ended. `now`: epoch ms. */
export function isPausedAt({ isPaused, pausedUntil }: AccountSettings, now: number): boolean {
  return isPaused && (pausedUntil === null || pausedUntil > now);
}

/** One ChatGPT login that can serve: its credential, the operator's settings, and the evidence about it. */
export class Account {
  settings: AccountSettings = defaultSettings;
  evidence: AccountEvidence = noEvidence;
  inFlight = 0;
  /** Plan from the last poll, newer than the token's; null before the first poll. */
  polledPlan: string | null = null;
  /** The routing that upstream requests for this account (docs/protocol.md, accounts/check); null: none. */
  routingOverride: string | null = null;
  /** Set while the account has no usable file and its last turns are still in flight. */
  withdrawal: Withdrawal | null = null;
  /** Requests that wait for a slot of this account; woken whenever one may be free. */
  readonly waiters = new WaitQueue();
  private dismiss: (() => void) | null = null;

  constructor(
    /** Identity. It survives a token refresh and a rename of the file. */
    readonly id: string,
    /** The vault's slot for this account, so that no copy of the credential can go stale. */
    private readonly slot: CredentialSlot,
  ) {}

  get storedCredential(): StoredCredential {
    return this.slot.current;
  }

  /** Name of the credential file; also the account's name in the API. */
  get name(): string {
    return this.storedCredential.name;
  }

  /** Whether only a new login helps. */
  get needsLogin(): boolean {
    return needsLogin(this.storedCredential.refresh);
  }

  /** Stops new turns. Calls `dismiss` once no turn is in flight, or at once if none is. */
  withdraw(withdrawal: Withdrawal, dismiss: () => void): void {
    this.withdrawal = withdrawal;
    this.dismiss = dismiss;
    if (this.inFlight === 0) this.becameIdle();
  }

  /** Undoes `withdraw`: the file is back. */
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

  /** Plan in lower case; null if unknown. */
  get plan(): string | null {
    return this.polledPlan ?? this.storedCredential.credential.plan;
  }
}
