import { ConsoleLogger } from '@nestjs/common';
import type { RecentErrors } from './recent-errors.js';

/** Names that never show, whoever logs them: the second net; the first is that a secret cannot print. */
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

/** Nest's own account of how it wires the program: only for who looks for a fault in that. */
const wiring = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

/**
 * A log line is a fixed phrase plus fields: one JSON object per line, or words in colour where a person
 * reads along. Errors are kept for `/healthz` as well.
 */
export class PoolLogger extends ConsoleLogger {
  constructor(
    private readonly errors: RecentErrors,
    private readonly isDebug: boolean,
    isTerminal: boolean,
  ) {
    super({
      json: !isTerminal,
      colors: isTerminal,
      structuredParams: true,
      flattenParams: true,
      logLevels: isDebug ? ['fatal', 'error', 'warn', 'log', 'debug'] : ['fatal', 'error', 'warn', 'log'],
      redact: redacted.flatMap((it) => [it, `*.${it}`]),
    });
  }

  override log(message: unknown, ...optional: unknown[]): void {
    const context = optional.at(-1);
    if (!this.isDebug && typeof context === 'string' && wiring.has(context)) return;
    super.log(message, ...optional);
  }

  override error(message: unknown, ...optional: unknown[]): void {
    // Nest tells of a failed start before it throws it; `start` says it in one sentence.
    if (!this.isDebug && wiring.has(String(optional.at(-1)))) return;
    const fields = optional.find((it) => typeof it === 'object' && it !== null);
    this.errors.add({ at: Date.now(), message: String(message), fields: { ...fields } });
    super.error(message, ...optional);
  }
}
