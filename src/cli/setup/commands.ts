import type { Command } from 'commander';
import type { Output } from '../command/output.js';

interface SetupFlags {
  readonly provider: boolean;
  readonly clientLogin: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
}

/** Adds the commands that point Codex at the proxy: setup, undo, codex. */
export function addSetupCommands(program: Command, output: Output): void {
  program
    .command('setup')
    .description("Point Codex at the proxy, in Codex's config.toml.")
    .option(
      '--provider',
      'as a model provider of its own; `codex resume` then lists only its sessions',
      false,
    )
    .option(
      '--client-login',
      'also write a login for Codex that belongs to no account, if it has none',
      false,
    )
    .option('--dry-run', 'only show the change', false)
    .option('-y, --yes', 'ask no question', false)
    .action(async (flags: SetupFlags) => {
      const { cliSettings, originOf } = await import('../command/cli-settings.js');
      const { setup } = await import('./setup-action.js');
      const settings = cliSettings();
      const { provider, clientLogin: withLogin, dryRun, yes } = flags;
      await setup(
        {
          mode: provider ? 'provider' : 'root-keys',
          origin: originOf(settings),
          clientToken: settings.clientToken,
          withLogin,
          dryRun,
          yes,
        },
        output,
        process.env,
      );
    });
  program
    .command('undo')
    .description('Take back what setup has changed, unless it was changed since.')
    .option('--dry-run', 'only show the change', false)
    .action(async (flags: { readonly dryRun: boolean }) => {
      const { undo } = await import('./undo-action.js');
      await undo(flags, output, process.env);
    });
  program
    .command('codex')
    .description('Run Codex through the proxy for this once; no file is changed.')
    .argument('[args...]', "Codex's own arguments, `--help` included")
    .helpOption(false)
    .allowUnknownOption()
    .passThroughOptions()
    .action(async (_args: readonly string[], _flags: unknown, command: Command) => {
      const { cliSettings, originOf } = await import('../command/cli-settings.js');
      const { runCodex } = await import('./codex-action.js');
      // Commander would drop a `--` between the arguments.
      const args = command.parent === null ? [] : rawArgsOf(command.parent).slice(1);
      process.exit(await runCodex(originOf(cliSettings()), args, output));
    });
}

function rawArgsOf(program: Command): readonly string[] {
  return 'rawArgs' in program && Array.isArray(program.rawArgs) ? program.rawArgs : [];
}
