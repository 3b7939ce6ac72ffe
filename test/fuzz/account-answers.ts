import type { AccountScript } from '../../src/fake-upstream/script/account-script.js';
import type { BatchKind, FuzzInput } from './batch.js';
import { TOKEN_CANARY } from './canary.js';
import type { Draw } from './draw.js';
import { oddHeaders, oddTime } from './error-envelopes.js';
import { oddText, oddValue, spoilt } from './odd-json.js';
import type { Setting } from './setting.js';
import type { Plan } from './upstream-plans.js';

const LIMIT_MS = 3_000;

/** An answer that the program asked for itself. */
interface OddAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Bytes of the body that are sent; the connection ends after them. */
  readonly sent: number;
}

/** Answers of the token endpoint, of the quota routes and of the model list. One at a time, each on one account. */
export const accountAnswers: BatchKind = {
  name: 'answers about accounts',
  inputs: 24,
  concurrency: 1,
  blamesNoAccount: false,
  make: (draw) => draw.one([tokenInput, usageInput, usageInput, checkInput, modelsInput])(draw),
};

function tokenInput(draw: Draw): FuzzInput {
  const token = draw.one<unknown>([
    `${TOKEN_CANARY}.x.y`,
    `${TOKEN_CANARY}\n`,
    '',
    5,
    null,
    { value: TOKEN_CANARY },
    [TOKEN_CANARY],
    TOKEN_CANARY.repeat(3_000),
  ]);
  const tokens = { access_token: token, refresh_token: token, id_token: token, expires_in: oddTime(draw) };
  const error = {
    error: draw.one<unknown>([
      'invalid_grant',
      'x',
      5,
      null,
      { code: 'refresh_token_reused' },
      [TOKEN_CANARY],
    ]),
  };
  const answer = answerOf(
    draw,
    spoilt(draw, draw.happens(0.6) ? tokens : error),
    draw.one([200, 200, 400, 401, 403, 429, 500, 503, 302, 204]),
  );
  return inputOf('token endpoint', answer, 'POST', '/oauth/token', 'refresh');
}

function usageInput(draw: Draw): FuzzInput {
  const window = (): unknown =>
    spoilt(draw, {
      used_percent: oddTime(draw),
      limit_window_seconds: oddTime(draw),
      reset_after_seconds: oddTime(draw),
      reset_at: oddTime(draw),
    });
  const limit = (): unknown =>
    spoilt(draw, {
      allowed: true,
      limit_reached: false,
      primary_window: window(),
      secondary_window: window(),
    });
  const usage = spoilt(draw, {
    plan_type: 'plus',
    rate_limit: limit(),
    additional_rate_limits: draw.list(0, draw.happens(0.1) ? 2_000 : 4, () =>
      spoilt(draw, {
        limit_name: draw.one(['x', '__proto__', '', 'n'.repeat(2_000)]),
        metered_feature: 'codex_x',
        rate_limit: limit(),
      }),
    ),
    credits: spoilt(draw, { has_credits: true, unlimited: false, balance: oddTime(draw) }),
  });
  return inputOf('quota', answerOf(draw, usage, 200), 'GET', '/backend-api/wham/usage', 'poll');
}

function checkInput(draw: Draw): FuzzInput {
  const origin = draw.one(['NO_CONSTRAINT', 'http://evil.example', '\r\nx: y', '', 'é', 'x'.repeat(5_000)]);
  const account = spoilt(draw, {
    id: 'x',
    plan_type: 'plus',
    workspace_backend_origin: origin,
    account_routing_override: origin,
    is_deactivated: true,
  });
  const check = spoilt(draw, {
    accounts: draw.happens(0.5) ? [account] : { x: account },
    default_account_id: oddValue(draw, 0),
    account_ordering: oddValue(draw),
  });
  return inputOf(
    'account check',
    answerOf(draw, check, 200),
    'GET',
    '/backend-api/wham/accounts/check',
    'poll',
  );
}

function modelsInput(draw: Draw): FuzzInput {
  const models = {
    models: draw.list(0, 5, () =>
      spoilt(draw, { slug: 'gpt-5.5', visibility: 'list', supported_in_api: true }),
    ),
  };
  const answer = answerOf(draw, spoilt(draw, models), 200);
  const version = `0.${draw.whole(0, 999)}.${draw.whole(0, 999)}`;
  return {
    title: titleOf('models', answer),
    run: async (setting) => {
      setting.plans.setRoute('GET', '/backend-api/codex/models', planOf(answer));
      using client = setting.client();
      const line = `GET /v1/models?client_version=${version} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`;
      await client.write([Buffer.from(line)]);
      await client.answers(['GET'], 1, LIMIT_MS);
      return client.allFindings(['GET']);
    },
  };
}

/** Has upstream give this answer to the action of the operator that asks for it. */
function inputOf(
  what: string,
  answer: OddAnswer,
  method: string,
  path: string,
  action: 'poll' | 'refresh',
): FuzzInput {
  return {
    title: titleOf(what, answer),
    run: async (setting) => {
      const [account] = setting.accounts;
      if (account === undefined) return [];
      setting.plans.setRoute(method, path, planOf(answer));
      try {
        return await act(setting, account, action);
      } finally {
        setting.plans.setRoute(method, path, null);
      }
    },
  };
}

async function act(setting: Setting, { name }: AccountScript, action: string): Promise<string[]> {
  using client = setting.client();
  await client.write([
    Buffer.from(
      `POST /admin/accounts/${name}/${action} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\n\r\n`,
    ),
    Buffer.from('GET /admin/accounts HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'),
    Buffer.from('GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'),
  ]);
  const { answers } = await client.answers(['POST', 'GET', 'GET'], 3, LIMIT_MS);
  const missing =
    answers.length < 3 ? [`${answers.length} answers of 3 after an odd answer to ${action}`] : [];
  return [...missing, ...client.allFindings(['POST', 'GET', 'GET'])];
}

function answerOf(draw: Draw, value: unknown, usualStatus: number): OddAnswer {
  const body = draw.happens(0.7) ? Buffer.from(JSON.stringify(value)) : oddText(draw, value);
  return {
    status: draw.happens(0.8) ? usualStatus : draw.one([200, 204, 302, 401, 402, 403, 404, 429, 500, 503]),
    headers: [...(draw.happens(0.8) ? ['content-type: application/json'] : []), ...oddHeaders(draw)],
    body,
    sent: draw.happens(0.85) ? body.length : draw.whole(0, body.length),
  };
}

function planOf({ status, headers, body, sent }: OddAnswer): Plan {
  const lines = [`HTTP/1.1 ${status} X`, ...headers, `content-length: ${body.length}`, 'connection: close'];
  const bytes = Buffer.concat([
    Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'),
    body.subarray(0, sent),
  ]);
  return ({ socket }) => {
    socket.on('error', () => undefined);
    socket.end(bytes);
  };
}

const titleOf = (what: string, { status, headers, body, sent }: OddAnswer): string =>
  `${what}: ${status} ${headers.join(' ¶ ').slice(0, 200)} ${sent} of ${body.length} bytes: ${body.subarray(0, 400).toString('latin1')}`;
