import { z } from 'zod';
import { limits } from '../config/limits.js';
import { Secret } from '../runtime/secret.js';

const secretText = z.string().min(1);

const tokensSchema = z
  .object({ id_token: secretText, access_token: secretText, refresh_token: secretText })
  .transform((it) => ({
    idToken: new Secret(it.id_token),
    accessToken: new Secret(it.access_token),
    refreshToken: new Secret(it.refresh_token),
  }));

const shown = z.string().min(1).max(100).nullish();

const deviceStartSchema = z
  .object({
    device_auth_id: secretText,
    user_code: shown,
    usercode: shown,
    interval: z.coerce.number().positive().nullish().catch(null),
  })
  .transform((it) => ({
    deviceAuthId: new Secret(it.device_auth_id),
    userCode: it.user_code ?? it.usercode ?? null,
    intervalMs: intervalMs(it.interval ?? null),
  }));

const deviceCodeSchema = z
  .object({ authorization_code: secretText, code_verifier: secretText })
  .transform((it) => ({ code: new Secret(it.authorization_code), verifier: new Secret(it.code_verifier) }));

/** All three tokens of a new login. */
export type LoginTokens = z.infer<typeof tokensSchema>;

/** Reason of a failure: a stable code, and a message that quotes nothing of the response except its status. */
export interface LoginFault {
  readonly kind: 'failed';
  readonly code: string;
  readonly message: string;
}

export type ExchangeResponse = { readonly kind: 'granted'; readonly tokens: LoginTokens } | LoginFault;

export type DeviceStart =
  | {
      readonly kind: 'begun';
      readonly deviceAuthId: Secret;
      readonly userCode: string;
      readonly intervalMs: number;
    }
  | LoginFault;

export type DeviceResponse =
  | { readonly kind: 'pending' }
  | { readonly kind: 'allowed'; readonly code: Secret; readonly verifier: Secret }
  | LoginFault;

/** Reads the token endpoint's response to a code. A login needs all three tokens. */
export function readExchangeResponse(status: number, text: string): ExchangeResponse {
  const what = 'The token endpoint';
  if (!isSuccess(status))
    return fault('exchange_refused', `${what} refused the login with status ${status}.`);
  const tokens = tokensSchema.safeParse(parseJson(text));
  if (tokens.success) return { kind: 'granted', tokens: tokens.data };
  return fault('exchange_unreadable', `${what} answered ${status}, but without the tokens of a login.`);
}

/** Reads the device endpoint's response to the start of a login. */
export function readDeviceStart(status: number, text: string): DeviceStart {
  const what = 'The authorization server';
  if (!isSuccess(status))
    return fault('device_refused', `${what} refused a device login with status ${status}.`);
  const start = deviceStartSchema.safeParse(parseJson(text));
  const userCode = start.data?.userCode ?? null;
  if (start.success && userCode !== null) return { ...start.data, kind: 'begun', userCode };
  return fault('device_unreadable', `${what} answered ${status}, but without a code for a device login.`);
}

/** Reads the device endpoint's response while the user has the code. 403 and 404 mean "not yet". */
export function readDeviceResponse(status: number, text: string): DeviceResponse {
  // 429 and 5xx are temporary; the user may be typing the code right now.
  if (status === 403 || status === 404 || status === 429 || status >= 500) return { kind: 'pending' };
  const what = 'The authorization server';
  if (!isSuccess(status))
    return fault('device_refused', `${what} ended the device login with status ${status}.`);
  const allowed = deviceCodeSchema.safeParse(parseJson(text));
  if (allowed.success) return { kind: 'allowed', ...allowed.data };
  return fault('device_unreadable', `${what} answered ${status}, but without the code of a login.`);
}

export function fault(code: string, message: string): LoginFault {
  return { kind: 'failed', code, message };
}

function intervalMs(seconds: number | null): number {
  if (seconds === null) return limits.devicePollMs;
  return Math.min(Math.max(seconds * 1_000, limits.devicePollMinMs), limits.devicePollMaxMs);
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // HTML, a partial response, or nothing
  }
}
