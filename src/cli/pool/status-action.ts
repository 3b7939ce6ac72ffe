import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';
import { NotReachableError } from '../command/proxy-client.js';
import { connect } from './connection.js';
import { askPool, askSummary, withoutIdentity } from './pool-reply.js';
import { hasProblem, promptLine, serves, statusLines } from './status-text.js';
import { watchStatus } from './status-watch.js';

/** A prompt waits for it. */
const PROMPT_MS = 250;

export interface StatusFlags {
  readonly watch: boolean;
  readonly json: boolean;
  readonly line: boolean;
}

/** Shows whether the pool serves, and by whom. @throws CommandError with code 1 if it does not, or has a problem */
export async function status(flags: StatusFlags, output: Output): Promise<void> {
  if (flags.line) return await statusLine(output);
  if (flags.watch) return await watchStatus(connect(), output);
  const reply = await askPool(connect());
  const { summary, accounts } = reply;
  if (flags.json) output.json({ ...summary, accountList: accounts.map(withoutIdentity) });
  else
    for (const it of statusLines(reply, output.columns, (style, text) => output.style(style, text)))
      output.line(it);
  if (!serves(summary) || hasProblem(summary)) throw new CommandError('', exitCodes.finding);
}

/** Prints one line in any case, because it stands in a prompt. */
async function statusLine(output: Output): Promise<void> {
  try {
    const summary = await askSummary(connect(PROMPT_MS));
    output.line(promptLine(summary));
    if (!serves(summary)) throw new CommandError('', exitCodes.finding);
  } catch (error) {
    if (!(error instanceof NotReachableError)) throw error;
    output.line('○ pool: off');
    throw new CommandError('', exitCodes.notReachable);
  }
}
