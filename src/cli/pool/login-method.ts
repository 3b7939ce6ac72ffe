import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';

/** How a login is approved: in a browser that ends at this machine, with a code, or by the address at which it ended. */
export type LoginMethod = 'browser' | 'device' | 'paste';

/**
 * Returns the method that the flags name. Without one, a person who is connected by SSH is asked, because the browser is
 * then on another machine.
 * @param mayAsk whether there is a terminal that shows more than the result
 * @throws CommandError for flags that exclude each other, and if the person cancels
 */
export async function loginMethod(
  { device, paste }: { readonly device: boolean; readonly paste: boolean },
  mayAsk: boolean,
  env: NodeJS.ProcessEnv,
): Promise<LoginMethod> {
  if (device && paste) throw new CommandError('Use one of --device and --paste.', exitCodes.wrongUse);
  if (paste && !process.stdin.isTTY)
    throw new CommandError('--paste needs a terminal. Without one, use --device.', exitCodes.wrongUse);
  if (device) return 'device';
  if (paste) return 'paste';
  if (!mayAsk || (env['SSH_CONNECTION'] ?? '') === '') return 'browser';
  const { isCancel, select } = await import('@clack/prompts');
  const chosen = await select<LoginMethod>({
    message: 'This is an SSH session. Where is the browser in which you approve the login?',
    options: [
      { value: 'device', label: 'On another machine: I type a code there' },
      { value: 'paste', label: 'On another machine: I paste the address at which it ends' },
      { value: 'browser', label: 'On this machine' },
    ],
  });
  if (isCancel(chosen)) throw new CommandError('Cancelled. Nothing was changed.');
  return chosen;
}
