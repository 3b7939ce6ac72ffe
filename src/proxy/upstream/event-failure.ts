import { type ErrorEnvelope, noError, readCutEnvelope, readEnvelope } from './error-envelope.js';

/**
 * The error in the data of a failure event: `response.failed` nests it inside its response, a top-level `error`
 * event is the error. Returns an envelope without codes if the data cannot be read.
 */
export function failureIn(data: string | null): ErrorEnvelope {
  if (data === null) return noError;
  try {
    const json: unknown = JSON.parse(data);
    const inside =
      typeof json === 'object' && json !== null && 'response' in json ? readEnvelope(json.response) : null;
    return inside ?? readEnvelope(json) ?? noError;
  } catch {
    return readCutEnvelope(data) ?? noError; // damaged data has no code: the turn has failed, and no account is blamed
  }
}
