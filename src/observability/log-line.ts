import { styleText } from 'node:util';
import type { LogLevel } from '@nestjs/common';

/** One line for people. `at` in epoch ms; `fields` redacted already. */
export interface LogLine {
  readonly at: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const levels: Readonly<Record<LogLevel, { readonly word: string; readonly style: Style }>> = {
  fatal: { word: 'fatal', style: ['red', 'bold'] },
  error: { word: 'error', style: 'red' },
  warn: { word: 'warn', style: 'yellow' },
  log: { word: 'info', style: 'cyan' },
  debug: { word: 'debug', style: 'gray' },
  verbose: { word: 'debug', style: 'gray' },
};

type Style = Parameters<typeof styleText>[0];

/** Values that need no quotes: no space, no quote, no control character. */
const plain = /^[^\s"'=\p{Cc}\p{Cf}]+$/u;

/**
 * Returns time of day, level, sentence and fields in one line: `14:02:11 warn  account out  account=home until=15:20`.
 * @param stream where it goes: it is coloured if that is a terminal and `NO_COLOR` is not set
 */
export function logLine({ at, level, message, fields }: LogLine, stream: NodeJS.WriteStream): string {
  const colour = (style: Style, text: string) => styleText(style, text, { stream });
  const { word, style } = levels[level];
  const shown = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${colour('dim', `${name}=`)}${shownField(value)}`);
  const head = `${colour('dim', timeOfDay(at))} ${colour(style, word.padEnd(5))} ${inOneLine(message)}`;
  return `${[head, ...shown].join(shown.length > 0 ? ' ' : '')}\n`;
}

function timeOfDay(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}

function shownField(value: unknown): string {
  if (typeof value !== 'string') return inOneLine(JSON.stringify(value) ?? String(value));
  return plain.test(value) ? value : inOneLine(JSON.stringify(value));
}

/** Escapes what would break the line or steer the terminal. */
function inOneLine(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
