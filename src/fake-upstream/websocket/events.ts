import type { ScriptedHeaders, WholeResponse } from '../script/scripted-response.js';
import { jsonIn } from '../http/request-body.js';
import { delta, type TurnEvent } from '../script/turn-events.js';

const LIMIT_PREFIX = 'x-codex';
const GENERAL = 'codex';

/**
 * `codex.rate_limits`: the quota of the given `x-codex-*` header fields as an event. The windows are those of the meter
 * in `x-codex-active-limit`, which the event names unless it is the general one.
 */
export function rateLimits(headers: ScriptedHeaders): TurnEvent {
  const meter = headers[`${LIMIT_PREFIX}-active-limit`] ?? GENERAL;
  const family = meter === GENERAL ? LIMIT_PREFIX : `x-${meter.replaceAll('_', '-')}`;
  const primary = windowIn(headers, family, 'primary');
  const secondary = windowIn(headers, family, 'secondary');
  const isFull = [primary, secondary].some((it) => it !== null && it.used_percent >= 100);
  const hasCredits = headers[`${LIMIT_PREFIX}-credits-has-credits`] === 'True';
  const unlimited = headers[`${LIMIT_PREFIX}-credits-unlimited`] === 'True';
  return {
    type: 'codex.rate_limits',
    plan_type: headers[`${LIMIT_PREFIX}-plan-type`] ?? null,
    ...(meter === GENERAL ? {} : meterNames(headers, family, meter)),
    rate_limits: { allowed: !isFull, limit_reached: isFull, primary, secondary },
    credits: {
      has_credits: hasCredits,
      unlimited,
      balance: headers[`${LIMIT_PREFIX}-credits-balance`] ?? null,
    },
  };
}

function meterNames(headers: ScriptedHeaders, family: string, meter: string): object {
  return { metered_limit_name: meter, limit_name: headers[`${family}-limit-name`] ?? null };
}

interface EventWindow {
  readonly used_percent: number;
  readonly window_minutes: number;
  readonly reset_at: number;
}

function windowIn(
  headers: ScriptedHeaders,
  family: string,
  slot: 'primary' | 'secondary',
): EventWindow | null {
  const numberOf = (field: string): number => Number(headers[`${family}-${slot}-${field}`]);
  if (Number.isNaN(numberOf('used-percent'))) return null;
  return {
    used_percent: numberOf('used-percent'),
    window_minutes: numberOf('window-minutes'),
    reset_at: numberOf('reset-at'),
  };
}

/** `response.metadata`: the header fields of a turn as an event. */
export function responseMetadata(headers: ScriptedHeaders): TurnEvent {
  return { type: 'response.metadata', headers };
}

/** The `error` event that takes the place of an HTTP status on a socket. */
export function errorEvent(status: number, error: object, headers: ScriptedHeaders = {}): TurnEvent {
  return { type: 'error', status, error, headers };
}

/** A refusal as an event: the fields of its JSON body, or its text as an error message. */
export function refusalEvent({ status, body, headers }: WholeResponse): TurnEvent {
  const { 'content-type': contentType, ...rest } = headers;
  const isJson = contentType?.startsWith('application/json') === true;
  const fields = isJson ? jsonIn(body) : { error: { message: body.toString('utf8') } };
  return { type: 'error', status, headers: rest, ...fields };
}

/** The backend's error for a response id that this socket has not issued. */
export function previousResponseNotFound(id: string): TurnEvent {
  return errorEvent(400, {
    type: 'invalid_request_error',
    code: 'previous_response_not_found',
    message: `Previous response with id '${id}' not found.`,
    param: 'previous_response_id',
  });
}

/** A `response.output_text.delta` whose message has exactly this many bytes. */
export function eventOfBytes(bytes: number): TurnEvent {
  const rest = JSON.stringify(delta('')).length;
  return delta('x'.repeat(Math.max(0, bytes - rest)));
}
