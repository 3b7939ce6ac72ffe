import { parseArgs } from 'node:util';
import { type FaultName, faultNames, faults, isFaultName } from './faults.js';

const KEEP_PORT = 8_989;

export interface DemoOptions {
  readonly isKept: boolean;
  /** Where the proxy listens; 0: any free port. */
  readonly port: number;
  /** Null: the show's own, which is over when the show is. */
  readonly fault: FaultName | null;
  /** No pauses for the eye. */
  readonly isFast: boolean;
  readonly isVerbose: boolean;
}

export type Asked =
  | { readonly kind: 'show'; readonly options: DemoOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'not-understood'; readonly sentence: string };

/** Reads the command line. Where nobody reads along, the demo is fast. */
export function readOptions(args: readonly string[], isTerminal: boolean): Asked {
  const parsed = parsedArgs(args);
  if (typeof parsed === 'string') return notUnderstood(parsed);
  const { keep, fault = null, fast, verbose, help, port: portText } = parsed;
  if (help) return { kind: 'help' };
  if (fault !== null && !isFaultName(fault)) {
    return notUnderstood(`There is no fault "${fault}", only ${faultNames.join(', ')}`);
  }
  const port = portText === undefined ? (keep ? KEEP_PORT : 0) : portIn(portText);
  if (port === null) return notUnderstood(`--port takes a number from 1 to 65535, not "${portText}"`);
  return {
    kind: 'show',
    options: { isKept: keep, port, fault, isFast: fast || !isTerminal, isVerbose: verbose },
  };
}

function parsedArgs(args: readonly string[]) {
  const flag = { type: 'boolean', default: false } as const;
  const options = {
    keep: flag,
    port: { type: 'string' },
    fault: { type: 'string' },
    fast: flag,
    verbose: flag,
    help: { ...flag, short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    return firstSentence(error instanceof Error ? error.message : String(error));
  }
}

/** Node adds advice on how a value that begins with a dash is given. */
const firstSentence = (text: string) => text.split(/\.(?:\s|$)|\n/, 1)[0] ?? text;

function notUnderstood(sentence: string): Asked {
  return { kind: 'not-understood', sentence: `${sentence}: npm run demo -- --help tells what there is.` };
}

function portIn(text: string): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

/** What `--help` prints. */
export function usage(): string {
  const width = Math.max(...faultNames.map((it) => it.length));
  return `The proxy at work, with made-up accounts and a fake upstream: no login, no internet.

  npm run demo [-- flags]

  --keep          stays up after the show, for a real Codex, until Ctrl-C
  --port <n>      where the proxy listens: by default any free port, with --keep ${KEEP_PORT}
  --fault <name>  how the first account's turns go wrong, by default usage-limit; with --keep all of them,
                  until Ctrl-C:
${faultNames.map((it) => `                    ${it.padEnd(width)}  ${faults[it].means}`).join('\n')}
  --fast          no pauses between the words; so it is when the output is no terminal
  --verbose       the proxy's log, on stderr
  --help          this
`;
}
