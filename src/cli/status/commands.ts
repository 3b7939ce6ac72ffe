import { type Command, Option } from 'commander';
import type { Output } from '../command/output.js';
import type { StatusFlags } from './status-action.js';

/** Adds the command that shows the pool at a glance. */
export function addStatusCommand(program: Command, output: Output): void {
  program
    .command('status')
    .description('Show whether the pool serves, its accounts, and what is left of their quota.')
    .addOption(
      new Option('-w, --watch', 'show it until interrupted').default(false).conflicts(['json', 'line']),
    )
    .addOption(new Option('--json', 'as JSON').default(false).conflicts('line'))
    .option('--line', 'one short line, for prompts and status bars', false)
    .addHelpText('after', '\nExit code: 0 serves, 1 does not serve or has a problem, 3 no proxy answers.')
    .action(async (flags: StatusFlags) => {
      const { status } = await import('./status-action.js');
      await status(flags, output);
    });
}
