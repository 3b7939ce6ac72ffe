import { readdirSync } from 'node:fs';
import type { RootCommand } from '@bomb.sh/tab';
import type { Command } from 'commander';
import { isAccountName } from '../tokens/account-name.js';

/** Commands whose argument is the name of an account. */
const ofAccount = ['pause', 'resume', 'remove', 'refresh', 'poll', 'reset'];

/** Adds `complete SHELL`, which prints a script for bash, zsh, fish or PowerShell, and the answers to that script. */
export async function addCompletion(program: Command): Promise<void> {
  const { default: tab } = await import('@bomb.sh/tab/commander');
  const completion: RootCommand = tab(program);
  for (const name of ofAccount) {
    completion.commands.get(name)?.argument('name', (complete) => {
      for (const it of accountNames()) complete(it, 'account');
    });
  }
}

/** The names in the pool folder: quick, and right without a running proxy. */
function accountNames(): readonly string[] {
  try {
    return readdirSync(process.env['POOL_DIR'] ?? './pool')
      .filter((it) => it.endsWith('.json') && !it.startsWith('.'))
      .map((it) => it.slice(0, -'.json'.length))
      .filter(isAccountName); // shells expand a completion: no other character may reach them
  } catch {
    return []; // a completion has nowhere to report to
  }
}
