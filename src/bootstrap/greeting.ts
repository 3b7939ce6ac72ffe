import type { BrokenFile } from '../accounts/pool-folder/reload-report.js';
import type { Account } from '../accounts/account.js';
import type { AppConfig } from '../config/app.config.js';

/**
 * Returns the text printed at startup: the address, the accounts, and the next steps for an empty pool.
 * @param env says whether npm has started the program, in a clone, where the command is not on the PATH
 */
export function greeting(
  { host, port }: { readonly host: string; readonly port: number },
  config: AppConfig,
  accounts: readonly Account[],
  broken: readonly BrokenFile[],
  env: NodeJS.ProcessEnv,
): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  const origin = `http://${shown}:${port}`;
  const lines = [`codex-pool listens on ${origin}`];
  if (accounts.length > 0) lines.push(`accounts: ${accounts.map((it) => it.name).join(', ')}`);
  for (const { name, reason } of broken) lines.push(`not used: ${name}.json (${reason})`);
  if (accounts.length === 0) {
    const command = env['npm_lifecycle_event'] === undefined ? 'codex-pool' : 'npx codex-pool';
    lines.push(
      '',
      'The pool is empty. Next steps, in another terminal:',
      `1. Add an account:           ${command} login   (or on the page)`,
      `2. Point Codex at the pool:  ${command} setup   (\`undo\` takes it back)`,
      `An auth.json in ${config.poolDir} is an account, too, a moment later and without a restart.`,
    );
  }
  return `${lines.join('\n')}\n`;
}
