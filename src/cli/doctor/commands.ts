import type { Command } from 'commander';
import type { Output } from '../command/output.js';

/** Adds the command that looks for what is wrong. */
export function addDoctorCommands(program: Command, output: Output): void {
  program
    .command('doctor')
    .description('Look for what is wrong with the set-up; nothing is changed.')
    .option('--json', 'as JSON, for an issue: it names no person and holds no token', false)
    .addHelpText('after', '\nExit code: 0 nothing found, 1 a finding.')
    .action(async (flags: { readonly json: boolean }) => {
      const { doctor } = await import('./doctor-action.js');
      await doctor(flags, output);
    });
}
