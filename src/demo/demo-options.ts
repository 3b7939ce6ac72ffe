import { parseArgs } from 'node:util';
import { type FaultName, faultNames, faults, isFaultName } from './faults.js';

const KEEP_PORT = 8_989;

export interface DemoOptions {
  readonly isKept: boolean;
  /** Port of the proxy; 0: any free port. */
  readonly port: number;
  /** Null: the default fault; it ends with the show. */
  readonly fault: FaultName | null;
  /** Without the pauses that make the show readable. */
  readonly isFast: boolean;
  readonly isVerbose: boolean;
}

export type Asked =
  | { readonly kind: 'show'; readonly options: DemoOptions }
  | { readonly kind: 'help' }
  | { readonly kind: 'not-understood'; readonly sentence: string };

/** Parses the command line. Without a terminal, the demo runs fast. */
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

/** Drops Node's advice about values that begin with a dash. */
const firstSentence = (text: string) => text.split(/\.(?:\s|$)|\n/, 1)[0] ?? text;

function notUnderstood(sentence: string): Asked {
  return { kind: 'not-understood', sentence: `${sentence}: codex-pool demo --help lists the flags.` };
}

function portIn(text: string): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

/** The text of `--help`. */
export function usage(): string {
  const width = Math.max(...faultNames.map((it) => it.length));
  return `Shows the proxy at work with made-up accounts and a fake upstream. Needs no login and no internet.

  codex-pool demo [flags]          in a clone: npm run demo -- [flags]

  --keep          keep running after the show, for a real Codex, until Ctrl-C
  --port <n>      port of the proxy; default: any free port, with --keep ${KEEP_PORT}
  --fault <name>  how the first account's turns fail; default: usage-limit. With --keep, all of its turns fail
                  until Ctrl-C:
${faultNames.map((it) => `                    ${it.padEnd(width)}  ${faults[it].means}`).join('\n')}
  --fast          no pauses between words; the default when the output is not a terminal
  --verbose       print the proxy's log on stderr
  --help          print this text
`;
}
