import type { BrokenFile } from '../accounts/pool-folder/reload-report.js';
import type { Account } from '../accounts/account.js';
import type { AppConfig } from '../config/app.config.js';

/** Returns the text printed at startup: the address, the accounts, and the next steps for an empty pool. */
export function greeting(
  { host, port }: { readonly host: string; readonly port: number },
  config: AppConfig,
  accounts: readonly Account[],
  broken: readonly BrokenFile[],
): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  const origin = `http://${shown}:${port}`;
  const lines = [`codex-pool listens on ${origin}`];
  if (accounts.length > 0) lines.push(`accounts: ${accounts.map((it) => it.name).join(', ')}`);
  for (const { name, reason } of broken) lines.push(`not used: ${name}.json (${reason})`);
  if (accounts.length === 0) {
    lines.push(
      '',
      'The pool is empty. Next steps:',
      `1. Put the auth.json of each ChatGPT login into ${config.poolDir}`,
      '   as a file with any name (work.json, home.json), or as a link to ~/.codex/auth.json.',
      '   They are in use a moment later, without a restart.',
      '2. Point Codex at the proxy, in ~/.codex/config.toml:',
      '',
      ...codexConfig(origin).map((it) => `   ${it}`),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** Returns the block for Codex's `config.toml`. The provider may have any name, except `OpenAI` with another base path. */
export function codexConfig(origin: string): string[] {
  return [
    'model_provider = "codex-pool"',
    `chatgpt_base_url = "${origin}/backend-api"`,
    '',
    '[model_providers.codex-pool]',
    'name = "OpenAI via codex-pool proxy"',
    `base_url = "${origin}/v1"`,
    'wire_api = "responses"',
    'requires_openai_auth = true',
  ];
}
