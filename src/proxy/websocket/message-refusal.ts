import { type AttemptOutcome, classify } from '../upstream/outcome.js';
import { noError, readEnvelope } from '../upstream/error-envelope.js';
import type { LocalResponse } from '../response/local-response.js';
import { isRecord } from '../../runtime/is-record.js';
import { jsonOf } from './message.js';

/**
 * The outcome that an `error` or `response.failed` message stands for. An `error` message carries the status and
 * headers of the equivalent HTTP response (docs/protocol.md, WebSocket).
 */
export function outcomeOfMessage(message: Buffer, model: string | null, now: number): AttemptOutcome {
  const json = jsonOf(message);
  const fields = isRecord(json) ? json : {};
  const inside = isRecord(fields['response']) ? readEnvelope(fields['response']) : null;
  const status = typeof fields['status'] === 'number' ? fields['status'] : null;
  const outcome = classify(
    {
      status: status ?? 200,
      headers: headersIn(fields['headers']),
      envelope: inside ?? readEnvelope(json) ?? noError,
      isFirstEvent: status === null,
    },
    { route: 'turn', model },
    now,
  );
  return outcome.kind === 'success' ? { kind: 'turn-failed' } : outcome;
}

/** A local response in the form of an upstream error message. */
export function errorMessage({ status, type, code, message, fields, headers }: LocalResponse): Buffer {
  return Buffer.from(
    JSON.stringify({
      type: 'error',
      status,
      error: { type, code, message, ...fields },
      headers: { ...headers, 'x-codex-pool-error': code },
    }),
  );
}

function headersIn(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, it]) =>
      typeof it === 'string' || typeof it === 'number' ? [[name.toLowerCase(), String(it)]] : [],
    ),
  );
}
