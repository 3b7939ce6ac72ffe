import { isRecord } from '../../runtime/is-record.js';

/** An upstream error: its codes, its message, and when a limit ends. */
export interface ErrorEnvelope {
  /**
   * `error.code`, `error.type`, `error` as text, `detail.code` and the top-level `code`, as far as present, in
   * lower case.
   */
  readonly codes: readonly string[];
  /** The human-readable message; empty if none. */
  readonly message: string;
  /** Epoch seconds. */
  readonly resetsAt: number | null;
  readonly resetsInSeconds: number | null;
  /** The name of the limit that was reached (`limit_name`, `metered_limit_name`); null if none. */
  readonly limitName: string | null;
}

/** An error without any information. */
export const noError: ErrorEnvelope = {
  codes: [],
  message: '',
  resetsAt: null,
  resetsInSeconds: null,
  limitName: null,
};

/** Reads the error from a JSON body or event (docs/protocol.md, errors). Null if it has none. */
export function readEnvelope(json: unknown): ErrorEnvelope | null {
  if (!isRecord(json)) return null;
  const error = json['error'];
  const inner = isRecord(error) ? error : {};
  const detail = json['detail'];
  const codes = [
    inner['code'],
    inner['type'],
    error,
    isRecord(detail) ? detail['code'] : detail,
    json['code'],
  ]
    .filter((it) => typeof it === 'string')
    .filter((it) => /^[\w.-]{1,100}$/.test(it))
    .map((it) => it.toLowerCase());
  const message = [
    inner['message'],
    json['message'],
    detail,
    isRecord(detail) ? detail['message'] : null,
    error,
  ].find((it) => typeof it === 'string');
  if (codes.length === 0 && message === undefined) return null;
  const places = [inner, isRecord(detail) ? detail : {}, json];
  return {
    codes,
    message: typeof message === 'string' ? message : '',
    ...limitIn(places),
  };
}

/** The error with what an object around it says of the limit, where the error itself says nothing. */
export function withLimitOf(error: ErrorEnvelope, around: Readonly<Record<string, unknown>>): ErrorEnvelope {
  const limit = limitIn([around]);
  return {
    ...error,
    resetsAt: error.resetsAt ?? limit.resetsAt,
    resetsInSeconds: error.resetsInSeconds ?? limit.resetsInSeconds,
    limitName: error.limitName ?? limit.limitName,
  };
}

function limitIn(
  places: readonly Readonly<Record<string, unknown>>[],
): Pick<ErrorEnvelope, 'resetsAt' | 'resetsInSeconds' | 'limitName'> {
  return {
    resetsAt: first(places, 'resets_at'),
    resetsInSeconds: first(places, 'resets_in_seconds'),
    limitName: limitNameIn(places),
  };
}

/**
 * Reads what is left of an error whose JSON was cut off: its codes, the start of its message, and its limit. Null if
 * the text does not begin like a JSON object, or names no code.
 */
export function readCutEnvelope(text: string): ErrorEnvelope | null {
  if (!/^\s*\{/.test(text)) return null;
  const found = text.matchAll(/"(?:code|type|error|detail)"\s*:\s*"([\w.-]{1,100})"/g);
  const codes = [...found].slice(0, 10).map((it) => (it[1] ?? '').toLowerCase());
  if (codes.length === 0) return null;
  const textOf = (name: string) => new RegExp(String.raw`"${name}"\s*:\s*"([^"\\]{1,500})`).exec(text)?.[1];
  const numberOf = (name: string) =>
    new RegExp(String.raw`"${name}"\s*:\s*"?(\d+(?:\.\d+)?)`).exec(text)?.[1];
  const fields = {
    metered_limit_name: textOf('metered_limit_name'),
    limit_name: textOf('limit_name'),
    resets_at: numberOf('resets_at'),
    resets_in_seconds: numberOf('resets_in_seconds'),
  };
  return { codes, message: textOf('message') ?? '', ...limitIn([fields]) };
}

function limitNameIn(places: readonly Readonly<Record<string, unknown>>[]): string | null {
  for (const it of places) {
    for (const name of ['metered_limit_name', 'limit_name']) {
      const value = it[name];
      if (typeof value === 'string' && value !== '') return value.slice(0, 200);
    }
  }
  return null;
}

function first(places: readonly Readonly<Record<string, unknown>>[], name: string): number | null {
  for (const it of places) {
    const found = numberIn(it[name]);
    if (found !== null) return found;
  }
  return null;
}

/** Accepts integers, floats and numeric text; null for anything else. */
function numberIn(value: unknown): number | null {
  const found = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  return typeof found === 'number' && Number.isFinite(found) ? found : null;
}
