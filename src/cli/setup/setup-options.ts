import type { Secret } from '../../runtime/secret.js';
import type { SetupMode } from '../codex-config/wanted-keys.js';

/** Options of `setup`. */
export interface SetupOptions {
  readonly mode: SetupMode;
  /** Origin at which Codex reaches the proxy. */
  readonly origin: string;
  readonly clientToken: Secret | null;
  /** Also writes a placeholder login, if Codex has no login. */
  readonly withLogin: boolean;
  readonly dryRun: boolean;
  /** Asks no question. */
  readonly yes: boolean;
}
