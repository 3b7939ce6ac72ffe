import { isAbsolute } from 'node:path';
import { type AppConfig, InvalidConfigError, loadConfig } from '../../config/app.config.js';
import { addDotEnv } from '../../config/dot-env.js';
import { describeError } from '../../runtime/pool-error.js';
import { originOf } from '../command/cli-settings.js';
import { CommandError } from '../command/command-error.js';
import { NotReachableError, ProxyClient } from '../command/proxy-client.js';
import { askSummary, type PoolSummary } from '../pool/pool-reply.js';

const PATIENCE_MS = 3_000;

/** What listens at the proxy's address. */
export type Listener =
  | { readonly kind: 'none' }
  | { readonly kind: 'proxy'; readonly summary: PoolSummary }
  /** Another program, or a codex-pool that does not answer as this version expects. */
  | { readonly kind: 'other'; readonly reason: string };

/** All that the checks look at. */
export interface Examined {
  readonly env: NodeJS.ProcessEnv;
  /** Null if a setting is invalid: `settingFaults` has sentences then. */
  readonly config: AppConfig | null;
  readonly settingFaults: readonly string[];
  /** Where the proxy is expected; null without valid settings. */
  readonly origin: string | null;
  readonly listener: Listener;
  /** Null without one. */
  readonly home: string | null;
}

/** Looks at settings and listener. Never throws for a fault that a check reports. */
export async function examine(processEnv: NodeJS.ProcessEnv): Promise<Examined> {
  const env = { ...processEnv };
  const { config, faults } = settingsOf(env);
  const origin = config === null ? null : originOf(config);
  const home = env['HOME'] ?? '';
  return {
    env,
    config,
    settingFaults: faults,
    origin,
    listener: config === null || origin === null ? { kind: 'none' } : await listenerAt(origin, config),
    home: isAbsolute(home) ? home : null,
  };
}

function settingsOf(env: NodeJS.ProcessEnv): { config: AppConfig | null; faults: readonly string[] } {
  const fromDotEnv = new Set<string>();
  try {
    const refused = addDotEnv('.env', env, fromDotEnv);
    if (refused.length > 0) return { config: null, faults: refused };
    return { config: loadConfig(env, fromDotEnv), faults: [] };
  } catch (error) {
    if (error instanceof InvalidConfigError) return { config: null, faults: error.faults };
    return { config: null, faults: [`.env cannot be read: ${describeError(error)}`] };
  }
}

async function listenerAt(origin: string, { adminToken }: AppConfig): Promise<Listener> {
  try {
    return { kind: 'proxy', summary: await askSummary(new ProxyClient(origin, adminToken, PATIENCE_MS)) };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const isFree = error instanceof NotReachableError && error.message.includes('ECONNREFUSED');
    return isFree ? { kind: 'none' } : { kind: 'other', reason: error.message };
  }
}
