/** A key that Codex needs to work through the proxy. */
export interface WantedKey {
  /** Header of its table; empty above the first header. */
  readonly table: readonly string[];
  readonly key: string;
  /** Source text of the value. */
  readonly value: string;
  /** The key is only corrected: without it, Codex's default is right. */
  readonly onlyIfPresent: boolean;
}

/** How Codex is pointed at the proxy: by keys of its built-in provider, or by a provider of our own. */
export type SetupMode = 'root-keys' | 'provider';

const PROVIDER = 'codex-pool';

/**
 * Returns the keys for a proxy at this origin. No base URL may end in `/backend-api/codex`: Codex would then bypass the
 * proxy (docs/protocol.md).
 */
export function wantedKeys(mode: SetupMode, origin: string): WantedKey[] {
  return mode === 'root-keys' ? rootKeys(origin) : providerKeys(origin);
}

function rootKeys(origin: string): WantedKey[] {
  return [
    // The built-in provider keeps the sessions of before visible, and uses WebSockets.
    { table: [], key: 'model_provider', value: '"openai"', onlyIfPresent: true },
    wanted([], 'openai_base_url', JSON.stringify(`${origin}/v1`)),
    wanted([], 'chatgpt_base_url', JSON.stringify(`${origin}/backend-api`)),
  ];
}

function providerKeys(origin: string): WantedKey[] {
  const table = ['model_providers', PROVIDER];
  return [
    wanted([], 'model_provider', JSON.stringify(PROVIDER)),
    wanted([], 'chatgpt_base_url', JSON.stringify(`${origin}/backend-api`)),
    wanted(table, 'name', '"OpenAI via codex-pool proxy"'),
    wanted(table, 'base_url', JSON.stringify(`${origin}/v1`)),
    wanted(table, 'wire_api', '"responses"'),
    wanted(table, 'requires_openai_auth', 'true'),
  ];
}

function wanted(table: readonly string[], key: string, value: string): WantedKey {
  return { table, key, value, onlyIfPresent: false };
}
