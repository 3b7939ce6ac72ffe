import { isRecord } from '../../runtime/is-record.js';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';
import { NotReachableError } from '../command/proxy-client.js';
import { connect } from '../pool/connection.js';
import { askPool, askSummary, type PoolSummary } from '../pool/pool-reply.js';
import { hasProblem, promptLine, serves, statusLines } from './status-text.js';
import { watchStatus } from './status-watch.js';

/** How long a prompt waits for the proxy's reply, in ms. The process itself takes about 100 ms to start. */
const PROMPT_MS = 200;

export interface StatusFlags {
  readonly watch: boolean;
  readonly json: boolean;
  readonly line: boolean;
}

/** Shows whether the pool serves, and by whom. @throws CommandError with code 1 if it does not, or has a problem */
export async function status(flags: StatusFlags, output: Output): Promise<void> {
  if (flags.line) return await statusLine(output);
  if (flags.watch) return await watchStatus(output);
  const reply = await askPool(connect());
  const { summary, accounts } = reply.whole;
  if (flags.json) output.json({ ...(isRecord(summary) ? summary : {}), accountList: accounts });
  else
    for (const it of statusLines(reply, output.columns, (style, text) => output.style(style, text)))
      output.line(it);
  report(reply.summary);
}

/** Prints one line in any case, and no reason, because it stands in a prompt. */
async function statusLine(output: Output): Promise<void> {
  let summary: PoolSummary;
  try {
    summary = await askSummary(connect(PROMPT_MS, AbortSignal.timeout(PROMPT_MS)));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const isOff = error instanceof NotReachableError && !error.mayRun;
    output.line(isOff ? '○ pool: off' : '○ pool: ?');
    throw new CommandError('', error.exitCode);
  }
  output.line(promptLine(summary));
  report(summary);
}

function report(summary: PoolSummary): void {
  if (!serves(summary) || hasProblem(summary)) throw new CommandError('', exitCodes.finding);
}
