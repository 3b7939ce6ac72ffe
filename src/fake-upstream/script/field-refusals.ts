import type { ScriptedHeaders, ScriptedResponse, WholeResponse } from './scripted-response.js';
import { failedFirst, refuses } from './responses.js';

const PLACE_CODE = 'unsupported_country_region_territory';
const EDGE_MARKS = { server: 'cloudflare', 'cf-ray': '8c0ffee8c0ffee00-AMS' };

/** 403 for a request from a country that the backend does not serve, whatever the account. */
export function wrongPlace(): WholeResponse {
  const message = 'Country, region, or territory not supported';
  return refuses(403, { error: { code: PLACE_CODE, message, type: 'request_forbidden', param: null } });
}

/** The text of the edge's error 1015. */
export const EDGE_TEXT = 'error code: 1015';

/** Options of a page of the edge. */
export interface EdgePageOptions {
  readonly retryAfter?: number;
  /** Sends `EDGE_TEXT` as plain text instead of a page. */
  readonly isText?: boolean;
}

/** An error of the network edge in front of the backend, as a page: 429 (error 1015), 403, 502, 503, 520. */
export function edgePage(status: number, options: EdgePageOptions = {}): WholeResponse {
  const { retryAfter, isText = false } = options;
  const title = status === 429 ? 'Error 1015: You are being rate limited' : `${status}: Error`;
  const page = `<!DOCTYPE html>\n<html lang="en-US"><head><title>${title}</title></head><body>Ray ID</body></html>`;
  return refuses(status, isText ? EDGE_TEXT : page, {
    'content-type': isText ? 'text/plain; charset=UTF-8' : 'text/html; charset=UTF-8',
    ...EDGE_MARKS,
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  });
}

/** A redirect of the edge, which no request of the client asks for. */
export function edgeRedirect(status = 302, location = 'https://chatgpt.com/cdn-cgi/made-up'): WholeResponse {
  const headers: ScriptedHeaders = { 'content-type': 'text/html', location, ...EDGE_MARKS };
  return refuses(status, '<html><head><title>302 Found</title></head></html>', headers);
}

/** The ways in which the backend says that an account lacks a model. */
export type ModelRefusalShape =
  | '404 detail'
  | '400 code'
  | '403 code'
  | '404 code'
  | 'first event'
  | '400 not supported';

/** The shapes of `modelNotFound`. */
export const modelRefusalShapes: readonly ModelRefusalShape[] = [
  '404 detail',
  '400 code',
  '403 code',
  '404 code',
  'first event',
  '400 not supported',
];

/** A refusal of a turn whose account lacks this model. */
export function modelNotFound(model: string, shape: ModelRefusalShape): ScriptedResponse {
  const code = 'model_not_found';
  const message = `The model '${model}' does not exist or you do not have access to it.`;
  const error = { message, type: 'invalid_request_error', param: null, code };
  switch (shape) {
    case '404 detail':
      return refuses(404, { detail: `Model not found ${model}` });
    case '400 code':
      return refuses(400, { error });
    case '403 code':
      return refuses(403, { error });
    case '404 code':
      return refuses(404, { error });
    case 'first event':
      return failedFirst(code, message);
    case '400 not supported':
      return modelNotSupported(model);
    default:
      return shape satisfies never;
  }
}

/** 400 whose text calls a model not supported. It can name a model other than the turn's, such as a tool's. */
export function modelNotSupported(model: string): WholeResponse {
  const detail = `The '${model}' model is not supported when using Codex with a ChatGPT account.`;
  return refuses(400, { detail });
}

/** The codes of an account whose credits are used up. */
export const creditCodes = [
  'credit_balance_exhausted',
  'workspace_owner_credits_depleted',
  'workspace_member_credits_depleted',
  'organization_spend_limit_exceeded',
  'project_spend_limit_exceeded',
] as const;

/** A refusal of an account whose credits are used up. The backend sends it under several statuses. */
export function creditsExhausted(code: string, status = 429): WholeResponse {
  const error = { message: 'Your workspace is out of credits.', type: code, param: null, code };
  return refuses(status, { error });
}
