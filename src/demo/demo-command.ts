import { readOptions, usage } from './demo-options.js';

/** Runs the demo as its arguments say; returns the exit code. Its help loads nothing of the program. */
export async function runDemo(args: readonly string[]): Promise<number> {
  const asked = readOptions(args, process.stdout.isTTY);
  switch (asked.kind) {
    case 'help':
      process.stdout.write(usage());
      return 0;
    case 'not-understood':
      process.stderr.write(`${asked.sentence}\n`);
      return 2; // wrong use, as for every command
    case 'show': {
      const { showDemo } = await import('./demo-run.js');
      return await showDemo(asked.options);
    }
    default:
      return asked satisfies never;
  }
}
