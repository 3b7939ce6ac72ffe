import type { AccountState, AccountView } from '../../api/account.js';
import type { Summary } from '../../api/summary.js';
import { accountLine, accountShapes, accountWords } from '../../wording/account-words.js';
import { amount, clock, durationName, percent } from '../../wording/times.js';
import { withFreshWait } from '../../wording/verdict-words.js';
import type { Output } from '../command/output.js';
import type { PoolReply } from './pool-reply.js';
import { cut, fitted, inOneLine, widthOf } from './text-width.js';

type Style = Parameters<Output['style']>[0];
/** Applies a style where the output has any. */
export type Styler = (style: Style, text: string) => string;

const BAR_CELLS = 10;
const MOST_NAME_COLUMNS = 24;

const stateStyles: Readonly<Record<AccountState, Style>> = {
  ready: 'green',
  'last-in-line': 'green',
  full: 'yellow',
  resting: 'yellow',
  'at-limit': 'yellow',
  paused: 'dim',
  'needs-login': 'red',
  'token-not-renewed': 'red',
  deactivated: 'red',
  'broken-file': 'red',
  leaving: 'dim',
};

/** Returns whether a new session would be served now. */
export function serves({ verdict }: Summary): boolean {
  return verdict.kind === 'serves' || verdict.kind === 'serves-last-in-line';
}

/** Returns whether something is wrong. That no turn has come yet is advice. */
export function hasProblem({ problems }: Summary): boolean {
  return problems.some((it) => !isAdvice(it));
}

/** Returns whether a problem only tells what to do next. */
export function isAdvice({ code }: { readonly code: string }): boolean {
  return code === 'no-turn-yet';
}

/** Returns the pool as lines of at most `columns`: verdict, shares left, problems, accounts. Times are local. */
export function statusLines(
  { summary, accounts }: PoolReply,
  columns: number,
  style: Styler,
): readonly string[] {
  const { now } = summary;
  const verdict = `${serves(summary) ? '●' : '▲'} ${withFreshWait(summary.verdict, now)}`;
  return [
    style([serves(summary) ? 'green' : 'red', 'bold'], cut(verdict, columns)),
    ...poolLines(summary, columns),
    ...summary.problems.map((it) => style('yellow', cut(`! ${it.sentence}`, columns))),
    '',
    ...accountLines(accounts, now, columns, style),
  ];
}

function poolLines(summary: Summary, columns: number): readonly string[] {
  const { windows, meters, today, now } = summary;
  const shares = [
    ...windows.map((it) => windowText(it, now, true)),
    ...meters.flatMap(({ name, label, windows: its }) =>
      its.slice(0, 1).map((it) => `${inOneLine(label ?? name)} ${percent(1 - it.usedRatio)}`),
    ),
  ];
  const cachedShare = today.input === 0 ? '' : ` (${percent(today.cached / today.input)} cached)`;
  const used = `today ${today.turns} turns, ${amount(today.input)} in${cachedShare}, ${amount(today.output)} out`;
  return [...(shares.length === 0 ? [] : [cut(shares.join('   '), columns)]), cut(used, columns)];
}

function accountLines(
  accounts: readonly AccountView[],
  now: number,
  columns: number,
  style: Styler,
): readonly string[] {
  const names = Math.min(MOST_NAME_COLUMNS, Math.max(0, ...accounts.map((it) => widthOf(it.name))));
  const words = Math.max(0, ...accounts.map((it) => widthOf(accountWords[it.state])));
  return accounts.map((account) => {
    const { name, state } = account;
    const word = `${accountShapes[state]} ${fitted(accountWords[state], words)}`;
    const rest = columns - names - words - 6;
    const tail = cut(tailOf(account, now), Math.max(0, rest));
    return `${style('bold', fitted(name, names))}  ${style(stateStyles[state], word)}  ${tail}`.trimEnd();
  });
}

/** Returns the windows of an account that serves, else why it does not. */
function tailOf(account: AccountView, now: number): string {
  const isServing = account.state === 'ready' || account.state === 'full';
  const facts = [
    ...(isServing && account.windows.length > 0
      ? account.windows.map((it) => windowText(it, now, false))
      : [accountLine(account, now)]),
    ...(account.inFlight === 0 || account.state === 'full' ? [] : [`${account.inFlight} running`]),
    ...(account.plan === null ? [] : [account.plan]),
  ];
  return facts.join('  ');
}

/** Returns the share left of a window as a bar and a number, and the reset if asked for. */
function windowText(
  {
    durationSeconds,
    usedRatio,
    resetsAt,
  }: { durationSeconds: number; usedRatio: number; resetsAt: number | null },
  now: number,
  withReset: boolean,
): string {
  const left = Math.min(1, Math.max(0, resetsAt !== null && resetsAt <= now ? 1 : 1 - usedRatio));
  const reset = withReset && resetsAt !== null && resetsAt > now ? `, most back ${clock(resetsAt, now)}` : '';
  return `${durationName(durationSeconds)} ${bar(left)} ${percent(left)} left${reset}`;
}

/** Returns ten cells, filled by the share left: empty and full only if it is so. */
export function bar(left: number): string {
  const cells = Math.round(left * BAR_CELLS);
  const shown = left > 0 && cells === 0 ? 1 : left < 1 && cells === BAR_CELLS ? BAR_CELLS - 1 : cells;
  return '▓'.repeat(shown) + '░'.repeat(BAR_CELLS - shown);
}

/** Returns one short line for prompts and status bars: `● work  5 h 63 %  7 d 74 %`. */
export function promptLine(summary: Summary): string {
  const { verdict, windows, now } = summary;
  if (!serves(summary)) {
    const back =
      verdict.backAt === null ? verdict.kind.replaceAll('-', ' ') : `back ${clock(verdict.backAt, now)}`;
    return `◐ pool: ${back}`;
  }
  const shares = windows.map((it) => `${durationName(it.durationSeconds)} ${percent(1 - it.usedRatio)}`);
  return cut([`● ${verdict.next ?? '–'}`, ...shares].join('  '), 80);
}
