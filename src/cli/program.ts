import { Argument, Command, CommanderError, Help, type Option } from 'commander';
import { describeError, errorCode, PoolError } from '../runtime/pool-error.js';
import { VERSION } from '../runtime/version.js';
import { CommandError, errorView } from './command/command-error.js';
import { type ExitCode, exitCodes } from './command/exit-codes.js';
import { Output } from './command/output.js';
import { addDoctorCommands } from './doctor/commands.js';
import { addPoolCommands } from './pool/commands.js';
import { addRunCommands } from './run-commands.js';
import { addServiceCommands } from './service/commands.js';
import { addStatusCommand } from './status/commands.js';
import { addSetupCommands } from './setup/commands.js';

/** All commands. Each loads its own modules when it runs, so that the help is quick. */
function allCommands(output: Output, asJson: boolean): Command {
  const commands = new Command('codex-pool')
    .description('Lets Codex work through several ChatGPT accounts that you own.')
    .version(VERSION)
    .enablePositionalOptions()
    .configureHelp({ optionDescription })
    .configureOutput({ writeErr: (text) => (asJson ? undefined : process.stderr.write(text)) })
    .showHelpAfterError('(codex-pool --help lists the commands)')
    .exitOverride();
  commands.commandsGroup('Run the proxy:');
  addRunCommands(commands);
  addServiceCommands(commands, output);
  commands.commandsGroup('Point Codex at it:');
  addSetupCommands(commands, output);
  commands.commandsGroup('See the pool:');
  addStatusCommand(commands, output);
  addPoolCommands(commands, output);
  commands.commandsGroup('Find out:');
  addDoctorCommands(commands, output);
  for (const it of commands.commands)
    it.showHelpAfterError(`(codex-pool ${it.name()} --help shows what it takes)`);
  return commands;
}

/** Adds the command as its help shows it; it is run by completion.ts, which changes all commands. */
function addComplete(program: Command): void {
  program
    .command('complete')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish', 'powershell']))
    .description('Print the completions for bash, zsh, fish or powershell.')
    .addHelpText('after', INSTALL_COMPLETIONS);
}

const INSTALL_COMPLETIONS = `
To install:
  bash        echo 'source <(codex-pool complete bash)' >> ~/.bashrc
  zsh         echo 'source <(codex-pool complete zsh)' >> ~/.zshrc       (after compinit)
  fish        codex-pool complete fish > ~/.config/fish/completions/codex-pool.fish
  powershell  codex-pool complete powershell >> $PROFILE
They complete commands, options, and the names of the accounts in the pool folder.`;

/** Returns the description of an option; that a flag is off unless it is given needs no words. */
function optionDescription(option: Option): string {
  return option.defaultValue === false ? option.description : Help.prototype.optionDescription(option);
}

/**
 * Runs one command line, by default `start`, and returns its exit code. `start` leaves the program running after that.
 * @param args without Node's path and the script's
 */
export async function run(args: readonly string[]): Promise<ExitCode> {
  const output = new Output();
  const asJson = wantsJson(args);
  const commands = allCommands(output, asJson);
  try {
    if (isCompletion(args)) {
      const { complete } = await import('./completion.js');
      await complete(commands, args.slice(1), output);
      return exitCodes.fine;
    }
    addComplete(commands);
    await commands.parseAsync(args.length === 0 ? ['start'] : [...args], { from: 'user' });
    return exitCodes.fine;
  } catch (error) {
    const refused = refusalOf(error);
    if (refused === null) return exitCodes.fine;
    if (asJson && refused.message !== '') output.json(errorView(refused));
    else if (!(error instanceof CommanderError) && refused.message !== '') output.note(refused.message);
    return refused.exitCode;
  }
}

/**
 * Returns an error that ends a command as one with an exit code; null for an end without an error, such as `--help`.
 * @throws the error if it is a fault of the program
 */
function refusalOf(error: unknown): CommandError | null {
  if (error instanceof CommandError) return error;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return null;
    return new CommandError(error.message.replace(/^error: /, ''), exitCodes.wrongUse); // Commander has shown it
  }
  if (error instanceof PoolError) return new CommandError(error.message);
  if (!/^E[A-Z\d]+$/.test(errorCode(error) ?? '')) throw error;
  return new CommandError(`${describeError(error)}.`);
}

/** Returns whether the arguments ask for JSON, also if they are wrong otherwise. */
function wantsJson(args: readonly string[]): boolean {
  const [command = '', ...rest] = args;
  if (['codex', 'demo', 'bench', 'complete'].includes(command)) return false; // those are of another program
  const end = rest.indexOf('--');
  return (end === -1 ? rest : rest.slice(0, end)).includes('--json');
}

/** Returns whether a shell's script is asked for, or the script asks. The help of it is that of any command. */
function isCompletion([command, first]: readonly string[]): boolean {
  return command === 'complete' && ['--', 'bash', 'zsh', 'fish', 'powershell'].includes(first ?? '');
}
