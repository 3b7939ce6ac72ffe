import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';

/**
 * Asks a yes-or-no question on the terminal.
 * @throws CommandError without a terminal, and when the person declines
 */
export async function askToGoOn(question: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new CommandError(
      'There is no terminal to ask on: add `--yes` to make this change, or `--dry-run` to only see it. Nothing was changed.',
      exitCodes.wrongUse,
    );
  }
  const { confirm, isCancel } = await import('@clack/prompts');
  const reply = await confirm({ message: question });
  if (isCancel(reply) || !reply) throw new CommandError('Nothing was changed.');
}
