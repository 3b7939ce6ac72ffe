import { setTimeout as pause } from 'node:timers/promises';
import { clock } from '../../wording/times.js';
import { CommandError } from '../command/command-error.js';
import type { Output } from '../command/output.js';
import type { ProxyClient } from '../command/proxy-client.js';
import { connect } from '../pool/connection.js';
import { askPool, type PoolReply } from '../pool/pool-reply.js';
import { promptLine, statusLines } from './status-text.js';
import { wrapped } from '../command/text-width.js';

const PERIOD_MS = 2_000;

const screen = {
  enter: '\u001B[?1049h\u001B[?25l',
  leave: '\u001B[?25h\u001B[?1049l',
  home: '\u001B[H',
  /** Before the text: at the end of a full line, some terminals would erase its last character. */
  clearLine: '\u001B[2K',
  clearRest: '\u001B[J',
};

const plain = (_style: unknown, text: string): string => text;

/** The newest values, and why there are no newer ones; null if there are none yet, or nothing is wrong. */
interface Seen {
  readonly reply: PoolReply | null;
  readonly trouble: string | null;
}

/**
 * Shows the status until it is interrupted, or its reader leaves: in place on a terminal, otherwise one line per change.
 * A proxy that is gone is awaited.
 */
export async function watchStatus(output: Output): Promise<void> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => interrupted.abort());
  const stop = AbortSignal.any([interrupted.signal, output.readerGone]);
  const client = connect(undefined, stop);
  if (output.isTerminal) await inPlace(client, output, stop);
  else await asLines(client, output, stop);
}

async function asLines(client: ProxyClient, output: Output, stop: AbortSignal): Promise<void> {
  let last = '';
  for await (const { reply, trouble } of seen(client, stop)) {
    const line = trouble ?? (reply === null ? '' : promptLine(reply.summary));
    if (line !== last) output.line(line);
    last = line;
  }
}

async function inPlace(client: ProxyClient, output: Output, stop: AbortSignal): Promise<void> {
  let last: Seen = { reply: null, trouble: 'Asking …' };
  const draw = () => output.write(frameText(last, output));
  const suspend = () => {
    output.write(screen.leave);
    process.kill(process.pid, 'SIGSTOP');
  };
  const resume = () => {
    output.write(screen.enter);
    draw();
  };
  output.write(screen.enter);
  process.stdout.on('resize', draw);
  if (process.platform !== 'win32') process.on('SIGTSTP', suspend).on('SIGCONT', resume);
  try {
    for await (const it of seen(client, stop)) {
      last = it;
      draw();
    }
  } finally {
    process.stdout.off('resize', draw);
    process.off('SIGTSTP', suspend).off('SIGCONT', resume);
    output.write(screen.leave);
  }
}

/** Yields the pool as it is now, again and again; while the proxy does not answer, the last values. */
async function* seen(client: ProxyClient, stop: AbortSignal): AsyncGenerator<Seen> {
  let reply: PoolReply | null = null;
  while (!stop.aborted) {
    let trouble: string | null = null;
    try {
      reply = await askPool(client);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      trouble = error.message;
    }
    if (stop.aborted) return;
    yield { reply, trouble };
    await pause(PERIOD_MS, undefined, { signal: stop }).catch((error: unknown) => {
      if (!stop.aborted) throw error;
    });
  }
}

/** Returns the whole screen as one write, so that it does not flicker. */
function frameText({ reply, trouble }: Seen, output: Output): string {
  const lines =
    trouble === null
      ? statusOf(reply, output, (style, text) => output.style(style, text))
      : [
          ...wrapped(trouble, output.columns).map((it) => output.style('red', it)),
          ...(reply === null ? [] : ['', `Stale since ${clock(reply.summary.now, Date.now())}:`]),
          ...statusOf(reply, output, plain).map((it) => output.style('dim', it)),
        ];
  const shown = lines.slice(0, Math.max(1, output.rows - 1));
  return `${screen.home}${shown.map((it) => screen.clearLine + it).join('\r\n')}${screen.clearRest}`;
}

function statusOf(
  reply: PoolReply | null,
  output: Output,
  style: Parameters<typeof statusLines>[2],
): readonly string[] {
  return reply === null ? [] : statusLines(reply, output.columns, style);
}
