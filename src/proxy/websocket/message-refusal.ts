import { type AttemptOutcome, classify } from '../upstream/outcome.js';
import { readEnvelope } from '../upstream/error-envelope.js';
import type { LocalResponse } from '../response/local-response.js';
import { isRecord } from '../../runtime/is-record.js';
import { jsonOf } from './message.js';

/**
 * What an `error` or `response.failed` frame means. An `error` frame tells the status and headers that an HTTP
 * answer would have had (docs/protocol.md, WebSocket).
 */
export function outcomeOfMessage(frame: Buffer, now: number): AttemptOutcome {
  const json = jsonOf(frame);
  const fields = isRecord(json) ? json : {};
  const inside = isRecord(fields['response']) ? readEnvelope(fields['response']) : null;
  const status = typeof fields['status'] === 'number' ? fields['status'] : null;
  const outcome = classify(
    {
      status: status ?? 200,
      headers: headersIn(fields['headers']),
      envelope: inside ??
        readEnvelope(json) ?? { codes: [], message: '', resetsAt: null, resetsInSeconds: null },
      isFirstEvent: status === null,
    },
    now,
  );
  return outcome.kind === 'success' ? { kind: 'turn-failed' } : outcome;
}

/** A refusal of our own in the form of upstream's. */
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
