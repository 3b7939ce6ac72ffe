import type { IncomingHttpHeaders } from 'node:http';
import { isRecord } from '../../runtime/is-record.js';
import { type ErrorEnvelope, noError, readCutEnvelope, readEnvelope, withLimitOf } from './error-envelope.js';
import { type AskedRequest, type AttemptOutcome, classify } from './outcome.js';

/** The contents of a failure event. */
export interface EventFailure {
  /** Without codes if the event cannot be read: then the turn has failed, and no account is blamed. */
  readonly envelope: ErrorEnvelope;
  /**
   * The status and the headers of the HTTP response that an `error` message stands for; null and empty for any other
   * event.
   */
  readonly status: number | null;
  readonly headers: IncomingHttpHeaders;
}

/**
 * The failure in the data of a server-sent event: `response.failed` nests the error inside its response, a top-level
 * `error` event is the error.
 */
export function failureInEvent(data: string | null): EventFailure {
  return { envelope: envelopeIn(data, jsonIn(data)), status: null, headers: {} };
}

/** The failure in a message on a WebSocket (docs/protocol.md, WebSocket). */
export function failureInMessage(data: string | null): EventFailure {
  const json = jsonIn(data);
  const fields = isRecord(json) ? json : {};
  const status = statusIn(fields['status']) ?? statusIn(fields['status_code']);
  return { envelope: envelopeIn(data, json), status, headers: headersIn(fields['headers']) };
}

/** The meaning of a failure event, before or after output. */
export function classifyFailure(
  { status, headers, envelope }: EventFailure,
  asked: AskedRequest,
  now: number,
): AttemptOutcome {
  const isFirstEvent = status === null;
  const outcome = classify({ status: status ?? 200, headers, envelope, isFirstEvent }, asked, now);
  return outcome.kind === 'success' ? { kind: 'turn-failed' } : outcome;
}

function envelopeIn(data: string | null, json: unknown): ErrorEnvelope {
  const inside = isRecord(json) ? readEnvelope(json['response']) : null;
  if (inside !== null) return withLimitOf(inside, isRecord(json) ? json : {});
  return readEnvelope(json) ?? readCutEnvelope(json === null ? (data ?? '') : '') ?? noError;
}

function statusIn(value: unknown): number | null {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof status === 'number' ? status : null;
}

function headersIn(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, it]) =>
      typeof it === 'string' || typeof it === 'number' ? [[name.toLowerCase(), String(it)]] : [],
    ),
  );
}

function jsonIn(data: string | null): unknown {
  try {
    return data === null ? null : JSON.parse(data);
  } catch {
    return null;
  }
}
