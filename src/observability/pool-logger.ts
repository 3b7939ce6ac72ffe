import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import { logLine } from './log-line.js';
import type { RecentErrors } from './recent-errors.js';

/** Fields that are always redacted. This is the second safeguard; the first is that `Secret` does not print. */
const redacted = [
  'authorization',
  'cookie',
  'access_token',
  'refresh_token',
  'id_token',
  'accessToken',
  'refreshToken',
  'idToken',
  'email',
];

/** Contexts in which Nest reports how it wires the program; shown only in debug mode. */
const wiring = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

function levelsOf(isDebug: boolean): LogLevel[] {
  return ['fatal', 'error', 'warn', 'log', ...(isDebug ? (['debug'] as const) : [])];
}

/** `pretty`: lines for people; `json`: one object per line; `auto`: pretty on a terminal, else JSON. */
export type LogFormat = 'auto' | 'pretty' | 'json';

/** Writes log lines, each a fixed phrase plus fields. Errors are also kept for `/healthz`. */
export class PoolLogger extends ConsoleLogger {
  constructor(
    private readonly errors: RecentErrors,
    private isDebug: boolean,
    format: LogFormat,
  ) {
    super({
      json: format === 'json' || (format === 'auto' && !process.stdout.isTTY),
      colors: false, // `logLine` colours what goes to a terminal
      structuredParams: true,
      flattenParams: true,
      logLevels: levelsOf(isDebug),
      redact: redacted.flatMap((it) => [it, `*.${it}`]),
    });
  }

  /** Shows or hides the lines of debug mode from now on. */
  setDebug(isDebug: boolean): void {
    this.isDebug = isDebug;
    this.setLogLevels(levelsOf(isDebug));
  }

  override log(message: unknown, ...optional: unknown[]): void {
    const context = optional.at(-1);
    if (!this.isDebug && typeof context === 'string' && wiring.has(context)) return;
    super.log(message, ...optional);
  }

  override error(message: unknown, ...optional: unknown[]): void {
    // Nest logs a failed start before it throws; `start` reports it in one sentence.
    if (!this.isDebug && wiring.has(String(optional.at(-1)))) return;
    const fields = optional.find((it) => typeof it === 'object' && it !== null);
    this.errors.add({ at: Date.now(), message: String(message), fields: { ...fields } });
    super.error(message, ...optional);
  }

  protected override formatMessage(
    level: LogLevel,
    message: unknown,
    _pid: string,
    _level: string,
    _context: string,
    _diff: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): string {
    const stream = level === 'error' || level === 'fatal' ? process.stderr : process.stdout;
    return logLine({ at: Date.now(), level, message: this.stringifyMessage(message, level), fields }, stream);
  }
}
