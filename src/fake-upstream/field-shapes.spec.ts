import { describe, expect, it } from 'vitest';
import { AccountQuota } from './script/account-quota.js';
import { creditsExhausted, edgePage, modelNotFound, wrongPlace } from './script/field-refusals.js';
import { spark, SPARK_MODEL } from './script/meter.js';
import { usageLimit, usageLimitFirst } from './script/refusals.js';
import type { WholeResponse } from './script/scripted-response.js';
import { rateLimits, refusalEvent } from './websocket/events.js';

const account = { accountId: 'acct-a', userId: 'user-a', email: 'a@example.test', plan: 'plus' };
const quotaWith = (fields: Partial<AccountQuota>): AccountQuota => Object.assign(new AccountQuota(), fields);
const jsonOf = ({ body }: WholeResponse): unknown => JSON.parse(body.toString());

describe('the quota of an account', () => {
  it('reports a meter in /wham/usage and as a header family of its own', () => {
    const quota = quotaWith({ meters: [spark(100)] });
    expect(quota.body(account)).toMatchObject({
      rate_limit: { allowed: true, limit_reached: false },
      additional_rate_limits: [
        {
          limit_name: 'GPT-5.3-Codex-Spark',
          metered_feature: 'codex_bengalfox',
          rate_limit: { allowed: false, limit_reached: true, primary_window: { used_percent: 100 } },
        },
      ],
    });
    expect(quota.headers('plus', 'gpt-5.5')).toMatchObject({
      'x-codex-active-limit': 'codex',
      'x-codex-primary-used-percent': '4',
      'x-codex-bengalfox-primary-used-percent': '100',
      'x-codex-bengalfox-limit-name': 'GPT-5.3-Codex-Spark',
    });
  });

  it('names the meter of a turn as the active limit, in a rate limit event, too', () => {
    const headers = quotaWith({ meters: [spark(30)] }).headers('plus', SPARK_MODEL);
    expect(headers['x-codex-active-limit']).toBe('codex_bengalfox');
    expect(rateLimits(headers)).toMatchObject({
      metered_limit_name: 'codex_bengalfox',
      limit_name: 'GPT-5.3-Codex-Spark',
      rate_limits: { primary: { used_percent: 30 }, secondary: null },
    });
  });

  it('reports whether turns are allowed independently of its windows', () => {
    const windows = [{ usedPercent: 60, windowSeconds: 18_000 }];
    expect(quotaWith({ windows, allowed: false }).body(account)).toMatchObject({
      rate_limit: { allowed: false, limit_reached: true, primary_window: { used_percent: 60 } },
    });
    const full = [{ usedPercent: 100, windowSeconds: 18_000 }];
    expect(quotaWith({ windows: full, allowed: true }).body(account)).toMatchObject({
      rate_limit: { allowed: true, limit_reached: false },
    });
  });

  it('reports credits in /wham/usage, in headers and in a rate limit event', () => {
    const quota = quotaWith({ credits: { hasCredits: true, unlimited: false, balance: '12.5' } });
    const credits = { has_credits: true, unlimited: false, balance: '12.5' };
    expect(quota.body(account)).toMatchObject({ credits });
    const headers = quota.headers('plus', null);
    expect(headers).toMatchObject({
      'x-codex-credits-has-credits': 'True',
      'x-codex-credits-unlimited': 'False',
      'x-codex-credits-balance': '12.5',
    });
    expect(rateLimits(headers)).toMatchObject({ credits });
    expect(new AccountQuota().headers('plus', null)).not.toHaveProperty('x-codex-credits-has-credits');
  });
});

describe('a usage limit of a meter', () => {
  it.each(['limit_name', 'metered_limit_name'] as const)('names it as %s of the error', (meterIn) => {
    const refusal = usageLimit({ meter: 'codex_bengalfox', meterIn });
    expect(jsonOf(refusal)).toMatchObject({ error: { [meterIn]: 'codex_bengalfox' } });
    expect(refusal.headers).not.toHaveProperty('x-codex-active-limit');
    expect(refusalEvent(refusal)).toMatchObject({ status: 429, error: { [meterIn]: 'codex_bengalfox' } });
  });

  it('names it in a header by default, also of a stream and of an error message', () => {
    const header = { 'x-codex-active-limit': 'codex_bengalfox' };
    expect(usageLimit({ meter: 'codex_bengalfox' }).headers).toMatchObject(header);
    expect(usageLimitFirst({ meter: 'codex_bengalfox' }).headers).toEqual(header);
    expect(refusalEvent(usageLimit({ meter: 'codex_bengalfox' }))).toMatchObject({ headers: header });
  });
});

it('the place, the edge, a model and credits are refused in the shapes of the field', () => {
  expect(jsonOf(wrongPlace())).toEqual({
    error: {
      code: 'unsupported_country_region_territory',
      message: 'Country, region, or territory not supported',
      type: 'request_forbidden',
      param: null,
    },
  });
  const page = edgePage(429, { retryAfter: 3_600 });
  expect(page).toMatchObject({ status: 429, headers: { 'retry-after': '3600', server: 'cloudflare' } });
  expect(page.body.toString()).toContain('1015');
  expect(edgePage(403, { isText: true }).body.toString()).toBe('error code: 1015');
  expect(modelNotFound('gpt-9', '404 detail')).toMatchObject({ kind: 'whole', status: 404 });
  expect(modelNotFound('gpt-9', 'first event')).toMatchObject({ kind: 'stream' });
  expect(creditsExhausted('credit_balance_exhausted', 403)).toMatchObject({ status: 403 });
});
