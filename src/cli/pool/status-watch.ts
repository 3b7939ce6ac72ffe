import { setTimeout as pause } from 'node:timers/promises';
import { CommandError } from '../command/command-error.js';
import type { Output } from '../command/output.js';
import type { ProxyClient } from '../command/proxy-client.js';
import { askPool, type PoolReply } from './pool-reply.js';
import { promptLine, statusLines } from './status-text.js';

const PERIOD_MS = 2_000;

const screen = {
  enter: '\u001B[?1049h\u001B[?25l',
  leave: '\u001B[?25h\u001B[?1049l',
  home: '\u001B[H',
  /** To the end of the line, to the end of the screen. */
  clearLine: '\u001B[K',
  clearRest: '\u001B[J',
};

/**
 * Shows the status until it is interrupted: in place on a terminal, otherwise one line per change. A proxy that is gone
 * is awaited.
 */
export async function watchStatus(client: ProxyClient, output: Output): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  if (output.isTerminal) await inPlace(client, output, stop.signal);
  else await asLines(client, output, stop.signal);
}

async function asLines(client: ProxyClient, output: Output, stop: AbortSignal): Promise<void> {
  let last = '';
  while (!stop.aborted) {
    const frame = await frameOf(client);
    const line = typeof frame === 'string' ? frame : promptLine(frame.summary);
    if (line !== last) output.line(line);
    last = line;
    await rest(stop);
  }
}

async function inPlace(client: ProxyClient, output: Output, stop: AbortSignal): Promise<void> {
  let last: PoolReply | string = 'Asking …';
  const draw = () => output.write(frameText(last, output));
  output.write(screen.enter);
  process.stdout.on('resize', draw);
  try {
    while (!stop.aborted) {
      last = await frameOf(client);
      draw();
      await rest(stop);
    }
  } finally {
    process.stdout.off('resize', draw);
    output.write(screen.leave);
  }
}

/** Returns the whole screen as one write, so that it does not flicker. */
function frameText(frame: PoolReply | string, output: Output): string {
  const lines =
    typeof frame === 'string'
      ? [frame]
      : statusLines(frame, output.columns, (style, text) => output.style(style, text));
  const shown = lines.slice(0, Math.max(1, output.rows - 1));
  return `${screen.home}${shown.map((it) => it + screen.clearLine).join('\n')}${screen.clearRest}`;
}

/** Returns the pool, or the sentence why it is not to be had now. */
async function frameOf(client: ProxyClient): Promise<PoolReply | string> {
  try {
    return await askPool(client);
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}

async function rest(stop: AbortSignal): Promise<void> {
  await pause(PERIOD_MS, undefined, { signal: stop }).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
}
