import { accountStates } from '../../api/account.js';
import { leftRatio } from '../../api/left-ratio.js';
import { accountShapes, turns } from '../../wording/account-words.js';
import { amount, clock, clockAndWait, durationName, percent, span } from '../../wording/times.js';
import { withFreshWait } from '../../wording/verdict-words.js';
import type { Output } from '../command/output.js';
import type { PoolAccount, PoolReply, PoolSummary } from '../pool/pool-reply.js';
import { commandFor } from './problem-commands.js';
import { cut, fitted, flowed, inOneLine, widthOf, wrapped } from '../command/text-width.js';

type Style = Parameters<Output['style']>[0];
/** Applies a style where the output has any. */
export type Styler = (style: Style, text: string) => string;

const BAR_CELLS = 10;
const MOST_NAME_COLUMNS = 24;
/** Columns below which an account's facts begin on a line of their own. */
const NARROW = 60;

/** Returns whether a new session would be served now. */
export function serves({ verdict }: Pick<PoolSummary, 'verdict'>): boolean {
  return verdict.kind === 'serves' || verdict.kind.startsWith('serves-');
}

/** Returns whether something is wrong. That no turn has come yet is advice. */
export function hasProblem({ problems }: Pick<PoolSummary, 'problems'>): boolean {
  return problems.some((it) => !isAdvice(it));
}

/** Returns whether a problem only tells what to do next. */
export function isAdvice({ code }: { readonly code: string }): boolean {
  return code === 'no-turn-yet';
}

/** Returns the pool as lines of at most `columns`: verdict, shares left, problems, accounts. Times are local. */
export function statusLines(
  { summary, accounts }: Pick<PoolReply, 'summary' | 'accounts'>,
  columns: number,
  style: Styler,
): readonly string[] {
  const { now } = summary;
  const verdict = `${serves(summary) ? '●' : '▲'} ${withFreshWait(summary.verdict, now)}`;
  return [
    ...wrapped(verdict, columns, 2).map((it) => style([serves(summary) ? 'green' : 'red', 'bold'], it)),
    ...poolLines(summary, columns),
    ...problemLines(summary, columns, style),
    '',
    ...accountLines(accounts, now, columns, style),
  ];
}

function poolLines(summary: PoolSummary, columns: number): readonly string[] {
  const { windows, meters, today, now } = summary;
  const shares = [
    ...windows.map((it) => windowText(it, now, (at) => `most back ${clock(at, now)}`)),
    ...meters.flatMap(({ name, label, windows: its }) =>
      its.slice(0, 1).map((it) => `${inOneLine(label ?? name)} ${percent(leftRatio(it, now))} left`),
    ),
  ];
  const cachedShare = today.input === 0 ? '' : ` (${percent(today.cached / today.input)} cached)`;
  const used = `today ${turns(today.turns)}, ${amount(today.input)} in${cachedShare}, ${amount(today.output)} out`;
  return [
    ...(shares.length === 0 ? [] : flowed(shares, columns, { gap: 3, indent: 0 })),
    ...wrapped(used, columns),
  ];
}

/** Returns each problem with the command that helps. */
function problemLines({ problems }: PoolSummary, columns: number, style: Styler): readonly string[] {
  return problems.flatMap((it) => {
    const command = commandFor(it);
    return [
      ...wrapped(`! ${it.sentence}`, columns, 2).map((line) => style('yellow', line)),
      // Not broken at the width of the terminal, so that it can be copied.
      ...(command === null ? [] : [`  → ${style('bold', inOneLine(command))}`]),
    ];
  });
}

function accountLines(
  accounts: readonly PoolAccount[],
  now: number,
  columns: number,
  style: Styler,
): readonly string[] {
  const names = Math.min(
    MOST_NAME_COLUMNS,
    Math.floor(columns / 3),
    Math.max(0, ...accounts.map((it) => widthOf(it.name))),
  );
  const words = Math.max(0, ...accounts.map((it) => widthOf(wordOf(it))));
  return accounts.flatMap((account) => {
    const word = style(styleOf(account.state), `${shapeOf(account.state)} ${fitted(wordOf(account), words)}`);
    const head = `${style('bold', fitted(account.name, names))}  ${word}`;
    const isNarrow = columns < NARROW || columns - names - words - 6 < columns / 3;
    const margin = isNarrow ? 2 : names + words + 6;
    const lines = flowed(factsOf(account, now), columns - margin, { gap: 2, indent: 0 });
    const indented = (its: readonly string[]) => its.map((it) => ' '.repeat(margin) + it);
    const [first = '', ...others] = lines;
    if (!isNarrow) return [`${head}  ${first}`.trimEnd(), ...indented(others)];
    const isTooNarrow = names + words + 4 > columns;
    const heads = isTooNarrow ? [style('bold', cut(account.name, columns)), word] : [head];
    return [...heads.map((it) => it.trimEnd()), ...indented(lines)];
  });
}

/** Returns the windows of an account that serves, else why it does not. */
function factsOf(account: PoolAccount, now: number): readonly string[] {
  const { state, windows, inFlight, plan, label } = account;
  const isServing = state === 'ready' || state === 'full';
  return [
    ...(isServing && windows.length > 0
      ? windows.map((it) => windowText(it, now, (at) => `resets in ${span(at - now)}`))
      : [lineOf(account)]),
    ...(inFlight === 0 || state === 'full' ? [] : [`${inFlight} running`]),
    ...(plan === null ? [] : [inOneLine(plan)]),
    ...(label === null ? [] : [inOneLine(label)]),
  ].filter((it) => it !== '');
}

/** Returns the word of an account's state: its sentence begins with it, also for a state that only the proxy knows. */
function wordOf({ sentence }: PoolAccount): string {
  return inOneLine(sentence.split(': ', 1)[0] ?? sentence);
}

function lineOf({ sentence }: PoolAccount): string {
  const at = sentence.indexOf(': ');
  return at === -1 ? '' : inOneLine(sentence.slice(at + 2));
}

function shapeOf(state: string): string {
  const known = accountStates.find((it) => it === state);
  return known === undefined ? '○' : accountShapes[known];
}

/** Returns the style of a state, by its shape: serves, waits, needs a person. */
function styleOf(state: string): Style {
  switch (shapeOf(state)) {
    case '●':
      return 'green';
    case '◐':
      return 'yellow';
    case '▲':
      return 'red';
    default:
      return 'dim';
  }
}

interface Window {
  readonly durationSeconds: number;
  readonly usedRatio: number;
  readonly resetsAt: number | null;
}

/** Returns the share left of a window as a bar and a number, and its reset in words. */
function windowText(window: Window, now: number, resetWords: (at: number) => string): string {
  const left = leftRatio(window, now);
  const { durationSeconds, resetsAt } = window;
  const reset = resetsAt === null || resetsAt <= now ? '' : `, ${resetWords(resetsAt)}`;
  return `${durationName(durationSeconds)} ${bar(left)} ${percent(left)} left${reset}`;
}

/** Returns ten cells, filled by the share left: empty and full only if it is so. */
export function bar(left: number): string {
  const cells = Math.round(left * BAR_CELLS);
  const shown = left > 0 && cells === 0 ? 1 : left < 1 && cells === BAR_CELLS ? BAR_CELLS - 1 : cells;
  return '▓'.repeat(shown) + '░'.repeat(BAR_CELLS - shown);
}

/** Returns one short line for prompts and status bars: `● work  5 h 63 %  7 d 74 %  ! 1`. */
export function promptLine(summary: PoolSummary): string {
  const { verdict, windows, problems, now } = summary;
  const faults = problems.filter((it) => !isAdvice(it)).length;
  const mark = faults === 0 ? [] : [`! ${faults}`];
  if (!serves(summary)) {
    const back =
      verdict.backAt === null
        ? verdict.kind.replaceAll('-', ' ')
        : `back ${clockAndWait(verdict.backAt, now)}`;
    return cut([`◐ pool: ${back}`, ...mark].join('  '), 80);
  }
  const shares = windows.map((it) => `${durationName(it.durationSeconds)} ${percent(leftRatio(it, now))}`);
  const name = cut(verdict.next ?? '–', MOST_NAME_COLUMNS);
  return cut([`● ${name}`, ...shares, ...mark].join('  '), 80);
}
