import type { Command } from 'commander';

/** Adds the commands that run the program itself: start, demo. */
export function addRunCommands(program: Command): void {
  program
    .command('start')
    .description('Start the proxy (the default).')
    .action(async () => {
      const { startProgram } = await import('../bootstrap/start-program.js');
      await startProgram();
    });
  program
    .command('demo')
    .description('Show it at work with made-up accounts and a fake upstream.')
    .argument('[options...]', 'options of the demo; `--help` lists them')
    .helpOption(false)
    .allowUnknownOption()
    .action(async (_options: readonly string[], _flags: unknown, command: Command) => {
      const { runDemo } = await import('../demo/demo-command.js');
      process.exit(await runDemo(command.args));
    });
  program
    .command('bench')
    .description('Measure what the proxy costs; only in a clone of the project.')
    .argument('[options...]', 'options of the bench')
    .allowUnknownOption()
    .action(async (_options: readonly string[], _flags: unknown, command: Command) => {
      const { runBench } = await import('./bench-action.js');
      process.exit(runBench(command.args));
    });
}
