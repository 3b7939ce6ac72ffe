import type { ShownProblem } from '../pool/pool-reply.js';

/** The command for each action that helps; those of an account are followed by its name. */
const commands: ReadonlyMap<string, { readonly command: string; readonly ofAccount: boolean }> = new Map([
  ['login', { command: 'codex-pool login --name', ofAccount: true }],
  ['resume', { command: 'codex-pool resume', ofAccount: true }],
  ['refresh', { command: 'codex-pool refresh', ofAccount: true }],
  ['reload', { command: 'codex-pool reload', ofAccount: false }],
  ['add-account', { command: 'codex-pool login', ofAccount: false }],
  ['set-up', { command: 'codex-pool setup', ofAccount: false }],
]);

/** Returns the command that helps with a problem; null if no command does. */
export function commandFor({ action, account }: Pick<ShownProblem, 'action' | 'account'>): string | null {
  const found = commands.get(action ?? '');
  if (found === undefined) return null;
  if (!found.ofAccount) return found.command;
  return account === null ? null : `${found.command} ${shellWord(account)}`;
}

/** Returns a name as one word of a shell. */
function shellWord(name: string): string {
  return /^[\w.][\w.-]*$/.test(name) ? name : `'${name.replaceAll("'", String.raw`'\''`)}'`;
}
