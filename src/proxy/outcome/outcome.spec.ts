import { describe, expect, it } from 'vitest';
import { type AskedRequest, classify } from './outcome.js';
import { readEnvelope } from './error-envelope.js';

const json = { 'content-type': 'application/json' };
const html = { 'content-type': 'text/html; charset=UTF-8' };
const turn: AskedRequest = { route: 'turn', model: 'gpt-5' };
const images: AskedRequest = { route: 'images', model: 'gpt-image-1' };
const of = (
  status: number,
  body: unknown = null,
  headers: Record<string, string> = json,
  isFirstEvent = false,
  asked: AskedRequest = turn,
) => classify({ status, headers, envelope: readEnvelope(body), isFirstEvent }, asked, 0);
const error = (code: string, message = '') => ({ error: { code, message } });
const type = (it: string) => ({ error: { type: it } });

const named = (name: string) => ({ error: { type: 'usage_limit_reached', limit_name: name } });
const page = (status: number, headers: Record<string, string> = {}, route: AskedRequest['route'] = 'turn') =>
  classify({ status, headers, envelope: null, isFirstEvent: false, isHtml: true }, { ...turn, route }, 0)
    .kind;

describe('a response', () => {
  it.each([
    [200, null, 'success'],
    [201, null, 'success'],
    [401, null, 'unauthorized'],
    [401, error('account_deactivated'), 'deactivated'],
    [402, null, 'deactivated'],
    [403, error('account_suspended'), 'deactivated'],
    [403, { detail: 'nope' }, 'forbidden'],
    [400, { detail: { code: 'deactivated_workspace' } }, 'deactivated'],
    [429, type('usage_limit_reached'), 'quota-exhausted'],
    [429, error('insufficient_quota'), 'quota-exhausted'],
    [429, { error: 'quota_exceeded' }, 'quota-exhausted'],
    [429, { code: 'usage_limit_reached' }, 'quota-exhausted'],
    [429, type('usage_not_included'), 'not-entitled'],
    [429, error('rate_limit_exceeded'), 'rate-limited'],
    [429, null, 'rate-limited'],
    [
      400,
      { detail: "The 'gpt-5' model is not supported when using Codex with a ChatGPT account." },
      'not-entitled',
    ],
    [400, error('model_not_supported'), 'not-entitled'],
    [400, error('unsupported_value', 'With this model the effort is not supported'), 'client-error'],
    [400, error('invalid_value', "The 'x' model has this not available."), 'client-error'],
    [400, error('invalid_prompt'), 'client-error'],
    [400, type('usage_limit_reached'), 'client-error'],
    [400, error('invalid_encrypted_content'), 'cross-account-content'],
    [422, error('invalid_encrypted_content'), 'client-error'],
    [404, null, 'client-error'],
    [413, null, 'client-error'],
    [501, null, 'client-error'],
    [500, null, 'upstream-error'],
    [502, null, 'upstream-error'],
    [503, null, 'upstream-error'],
    [503, error('server_is_overloaded'), 'overloaded'],
    [503, error('x', 'Selected model is at capacity.'), 'overloaded'],
    [503, error('slow_down'), 'overloaded'],
    [524, null, 'upstream-error'],
    [302, null, 'edge-block'],
    [403, error('unsupported_country_region_territory'), 'wrong-place'],
    [403, error('x', 'Country, region, or territory not supported'), 'wrong-place'],
    [402, error('credit_balance_exhausted'), 'quota-exhausted'],
    [403, { detail: { code: 'workspace_owner_credits_depleted' } }, 'quota-exhausted'],
    [400, { error: 'project_spend_limit_exceeded' }, 'quota-exhausted'],
    [500, { code: 'insufficient_quota' }, 'quota-exhausted'],
  ])('%i %j is %s', (status, body, kind) => {
    expect(of(status, body).kind).toBe(kind);
  });

  it.each([
    ['an HTML label', html],
    ['a challenge', { ...json, 'cf-mitigated': 'challenge' }],
    ['Cloudflare without a body', { server: 'cloudflare' }],
  ])('403 with %s is an edge block', (_what, headers) => {
    expect(of(403, null, headers).kind).toBe('edge-block');
  });

  it.each([
    ['usage_limit_reached', '', 'quota-exhausted'],
    ['usage_not_included', '', 'not-entitled'],
    ['rate_limit_exceeded', 'try again in 3s', 'rate-limited'],
    ['slow_down', 'try again in 3s', 'rate-limited'],
    ['slow_down', '', 'overloaded'],
    ['server_is_overloaded', '', 'overloaded'],
    ['invalid_encrypted_content', '', 'cross-account-content'],
    ['context_length_exceeded', '', 'turn-failed'],
    ['server_error', '', 'turn-failed'],
  ])('whose first event fails with %s (%s) is %s', (code, message, kind) => {
    expect(of(200, error(code, message), {}, true).kind).toBe(kind);
  });

  it('reports when quota is back, as integer, float or text', () => {
    for (const resetsAt of [1_795_000_000, 1_795_000_000.5, '1795000000']) {
      const outcome = of(429, { error: { type: 'usage_limit_reached', resets_at: resetsAt } });
      expect(outcome).toMatchObject({ kind: 'quota-exhausted', hint: { resetsAt: Number(resetsAt) } });
    }
  });

  it.each([
    ['in the error', { error: { type: 'usage_limit_reached', resets_at: 9, resets_in_seconds: 4 } }],
    ['in the detail', { detail: { code: 'usage_limit_reached', resets_at: 9, resets_in_seconds: 4 } }],
    ['at the top', { code: 'usage_limit_reached', resets_at: 9, resets_in_seconds: 4 }],
  ])('reports when quota is back beside its code: %s', (_where, body) => {
    const hint = { resetsAt: 9, resetsInSeconds: 4 };
    expect(of(429, body)).toMatchObject({ kind: 'quota-exhausted', hint });
  });

  it('reports how long to wait', () => {
    expect(of(503, error('slow_down'), { 'retry-after': '20' })).toEqual({
      kind: 'rate-limited',
      scope: 'account',
      retryAfterMs: 20_000,
    });
    expect(of(429, null, { 'retry-after': '7' })).toMatchObject({
      kind: 'rate-limited',
      retryAfterMs: 7_000,
    });
    expect(of(429, error('x', 'try again in 2s'))).toMatchObject({
      kind: 'rate-limited',
      retryAfterMs: 2_000,
    });
    expect(of(429, null)).toMatchObject({ kind: 'rate-limited', retryAfterMs: null });
  });
});

describe('the scope of a refusal', () => {
  const spent = type('usage_limit_reached');
  const active = (meter: string) => ({ ...json, 'x-codex-active-limit': meter });

  it.each([
    ['no meter', of(429, spent), 'meter:codex', false],
    ['the general meter', of(429, spent, active('codex')), 'meter:codex', true],
    ['a meter in the header', of(429, spent, active('codex_bengalfox')), 'meter:codex_bengalfox', true],
    [
      'a meter in a header sent twice',
      of(429, spent, active('Codex-Bengalfox, codex')),
      'meter:codex_bengalfox',
      true,
    ],
    ['an empty header', of(429, spent, active(' ')), 'meter:codex', false],
    ['a meter in the body', of(429, named('codex_bengalfox')), 'meter:codex_bengalfox', true],
    [
      'a meter in the body beside the general header',
      of(429, named('new one'), active('codex')),
      'meter:new_one',
      true,
    ],
    [
      'a meter in the first event',
      of(200, named('codex_bengalfox'), {}, true),
      'meter:codex_bengalfox',
      true,
    ],
    ['an image request', of(429, spent, active('codex'), false, images), 'images', true],
  ])('that names %s', (_what, outcome, scope, isMeterNamed) => {
    expect(outcome).toMatchObject({ kind: 'quota-exhausted', scope, isMeterNamed });
  });

  it.each([
    ['a rate limit', of(429, null), 'rate-limited', 'account'],
    [
      'a rate limit of a meter',
      of(429, null, active('codex_bengalfox')),
      'rate-limited',
      'meter:codex_bengalfox',
    ],
    ['a rate limit of images', of(429, null, json, false, images), 'rate-limited', 'images'],
    ['a 403', of(403, error('no')), 'forbidden', 'account'],
    ['a 403 of images', of(403, error('no'), json, false, images), 'forbidden', 'images'],
    ['a 401 of images', of(401, null, json, false, images), 'unauthorized', 'images'],
    ['a 402 of images', of(402, null, json, false, images), 'quota-exhausted', 'images'],
    ['a 500 of images', of(500, null, json, false, images), 'upstream-error', 'images'],
  ])('%s', (_what, outcome, kind, scope) => {
    expect(outcome).toMatchObject({ kind, scope });
  });

  it('of a deactivated account is the account, whatever the route', () => {
    expect(of(402, error('account_deactivated'), json, false, images).kind).toBe('deactivated');
  });
});

describe('a model that the account lacks', () => {
  it.each<[number, unknown, string]>([
    [404, { detail: 'Model not found gpt-5' }, 'not-entitled'],
    [404, { detail: 'Model not found gpt-5.5-codex' }, 'client-error'],
    [404, { detail: 'Not Found' }, 'client-error'],
    [404, error('model_not_found'), 'not-entitled'],
    [
      403,
      error('model_not_found', 'The model `gpt-5` does not exist or you do not have access to it.'),
      'not-entitled',
    ],
    [400, error('model_not_found', "The model 'gpt-image-2' does not exist"), 'client-error'],
    [400, { detail: "The 'gpt-image-2' model is not supported when using Codex." }, 'client-error'],
    [400, { detail: "'gpt-image-2' is not supported" }, 'client-error'],
    [400, { detail: 'This model is not supported when using Codex.' }, 'not-entitled'],
    [400, { detail: 'The gpt-9 model is not supported when using Codex.' }, 'client-error'],
    [404, { detail: 'Model not found' }, 'not-entitled'],
    [429, error('usage_not_included'), 'not-entitled'],
  ])('%i %j is %s', (status, body, kind) => {
    expect(of(status, body).kind).toBe(kind);
  });

  it('is known as the first event, too', () => {
    expect(of(200, error('model_not_found', 'gpt-5'), {}, true)).toEqual({
      kind: 'not-entitled',
      model: 'gpt-5',
    });
    expect(of(200, error('model_not_found', "no 'gpt-6'"), {}, true).kind).toBe('turn-failed');
  });

  it('is any model if the request names none', () => {
    const asked: AskedRequest = { route: 'turn', model: null };
    expect(of(404, { detail: 'Model not found x' }, json, false, asked)).toEqual({
      kind: 'not-entitled',
      model: null,
    });
  });
});

describe('a page of the network edge', () => {
  it.each([400, 401, 402, 403, 404, 429, 500, 502, 503, 520])('has any status on a turn: %i', (status) => {
    expect(page(status, { 'retry-after': '3600' })).toBe('edge-block');
    expect(page(status, {}, 'images')).toBe('edge-block');
  });

  it('is only a refusal on other routes, which may have pages and redirects of their own', () => {
    expect([403, 429, 502].map((it) => page(it, {}, 'other'))).toEqual(Array(3).fill('edge-block'));
    expect([404, 400].map((it) => page(it, {}, 'other'))).toEqual(Array(2).fill('client-error'));
    expect(of(302, null, {}, false, { ...turn, route: 'other' }).kind).toBe('client-error');
    expect(of(302, null).kind).toBe('edge-block');
  });

  it('is judged by its bytes, not by its label', () => {
    expect(of(429, error('rate_limit_exceeded'), html).kind).toBe('rate-limited');
    expect(of(503, error('server_is_overloaded'), html).kind).toBe('overloaded');
    expect(of(429, { detail: 'error code: 1015' }, {}).kind).toBe('edge-block');
    expect(of(500, null, { server: 'cloudflare' }).kind).toBe('upstream-error');
  });
});
