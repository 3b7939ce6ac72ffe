import { Command, CommanderError } from 'commander';
import { VERSION } from '../runtime/version.js';
import { CommandError } from './command/command-error.js';
import { type ExitCode, exitCodes } from './command/exit-codes.js';
import { Output } from './command/output.js';
import { addDoctorCommands } from './doctor/commands.js';
import { addPoolCommands } from './pool/commands.js';
import { addRunCommands } from './run-commands.js';
import { addServiceCommands } from './service/commands.js';
import { addSetupCommands } from './setup/commands.js';

/** All commands. Each loads its own modules when it runs, so that the help is quick. */
async function program(output: Output, isCompletion: boolean): Promise<Command> {
  const commands = new Command('codex-pool')
    .description('Lets Codex work through several ChatGPT accounts that you own.')
    .version(VERSION)
    .enablePositionalOptions()
    .showHelpAfterError('(codex-pool --help lists the commands)')
    .exitOverride();
  commands.commandsGroup('Run the proxy:');
  addRunCommands(commands);
  addServiceCommands(commands, output);
  commands.commandsGroup('Point Codex at it:');
  addSetupCommands(commands, output);
  addPoolCommands(commands, output);
  commands.commandsGroup('Find out:');
  addDoctorCommands(commands, output);
  if (isCompletion) {
    const { addCompletion } = await import('./completion.js');
    await addCompletion(commands);
  } else
    commands
      .command('complete')
      .argument('<shell>')
      .description('Print the completions for bash, zsh, fish or powershell.');
  return commands;
}

/**
 * Runs one command line, by default `start`, and returns its exit code. `start` leaves the program running after that.
 * @param args without Node's path and the script's
 */
export async function run(args: readonly string[]): Promise<ExitCode> {
  const output = new Output();
  try {
    const commands = await program(output, args[0] === 'complete');
    await commands.parseAsync(args.length === 0 ? ['start'] : [...args], { from: 'user' });
    return exitCodes.fine;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.wrongUse;
    if (!(error instanceof CommandError)) throw error;
    if (error.message !== '') output.note(error.message);
    return error.exitCode;
  }
}
