import { type AttemptOutcome, classify } from './outcome.js';
import { readEnvelope } from './error-envelope.js';
import { isRecord } from '../../runtime/is-record.js';
import { jsonOf } from '../request/message.js';

/**
 * The outcome that an `error` or `response.failed` message stands for. An `error` message carries the status and
 * headers of the equivalent HTTP response (docs/protocol.md, WebSocket).
 */
export function outcomeOfMessage(message: Buffer, now: number): AttemptOutcome {
  const json = jsonOf(message);
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

function headersIn(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, it]) =>
      typeof it === 'string' || typeof it === 'number' ? [[name.toLowerCase(), String(it)]] : [],
    ),
  );
}
