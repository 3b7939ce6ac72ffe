import { readdirSync } from 'node:fs';
import type { RootCommand } from '@bomb.sh/tab';
import type { Command } from 'commander';
import { isAccountName } from '../tokens/account-name.js';
import { cliSettings } from './command/cli-settings.js';
import type { Output } from './command/output.js';

/** The shells that have completions. */
export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;

/** Commands whose argument is the name of an account, or of a file. */
const ofAccount = ['pause', 'resume', 'remove', 'refresh', 'poll', 'reset'];
const ofFile = ['import', 'backup'];
/** The last line of a reply that proposes nothing: the shell then completes paths. */
const PATHS = ':0';

/**
 * Answers `complete SHELL`, which prints the script for a shell, and `complete -- WORD…`, which that script asks.
 * @param args without `complete`
 */
export async function complete(program: Command, args: readonly string[], output: Output): Promise<void> {
  const [shell = '', command = ''] = args;
  if (shell === 'bash') return output.write(BASH_SCRIPT);
  if (shell === '--' && args.length > 2 && ofFile.includes(command) && !isOption(args)) {
    return output.line(PATHS);
  }
  const { default: tab } = await import('@bomb.sh/tab/commander');
  const completion: RootCommand = tab(program);
  for (const name of ofAccount) {
    completion.commands.get(name)?.argument('name', (propose) => {
      for (const it of accountNames()) propose(it, 'account');
    });
  }
  completion.commands.get('complete')?.argument('shell', (propose) => {
    for (const it of shells) propose(it, '');
  });
  await program.parseAsync(['complete', ...args], { from: 'user' });
}

function isOption(words: readonly string[]): boolean {
  return words.at(-1)?.startsWith('-') === true;
}

/** The names in the pool folder: quick, and right without a running proxy. */
function accountNames(): readonly string[] {
  try {
    return readdirSync(cliSettings().poolDir)
      .filter((it) => it.endsWith('.json') && !it.startsWith('.'))
      .map((it) => it.slice(0, -'.json'.length))
      .filter(isAccountName); // shells expand a completion: no other character may reach them
  } catch {
    return []; // a completion has nowhere to report to
  }
}

/**
 * The script for bash. That of @bomb.sh/tab calls the package bash-completion, cannot be read twice, and evaluates the
 * words that are being typed.
 */
const BASH_SCRIPT = `# bash completion for codex-pool
__codex_pool_complete() {
    local current=\${COMP_WORDS[COMP_CWORD]} value reply
    COMPREPLY=()
    reply=$(codex-pool complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) || return
    while IFS=$'\\t' read -r value _; do
        if [[ $value == ${PATHS} ]]; then
            compopt -o default 2>/dev/null
        elif [[ $value != :* && $value == "$current"* ]]; then
            COMPREPLY+=("$value")
        fi
    done <<< "$reply"
}
complete -F __codex_pool_complete codex-pool
`;
