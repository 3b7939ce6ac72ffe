import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { OutboundHttpClient, type OutboundResponse } from '../egress/http-client.js';
import { describeError } from '../runtime/pool-error.js';
import type { Secret } from '../runtime/secret.js';
import {
  type DeviceResponse,
  type DeviceStart,
  type ExchangeResponse,
  fault,
  readDeviceResponse,
  readDeviceStart,
  readExchangeResponse,
} from './authorization-responses.js';
import type { DeviceWait } from './login-state.js';

/** Codex's public OAuth client (docs/protocol.md, section on login): the pool's tokens are issued to it. */
const CLIENT_ID = 'app_EMoamEEZ73f0CkXaXp7hrann';
const SCOPE = 'openid profile email offline_access api.connectors.read api.connectors.invoke';

/** A single-use code from the authorization server, with the PKCE verifier that proves it is ours. */
export interface AuthorizationCode {
  readonly code: Secret;
  readonly verifier: Secret;
  readonly redirectUri: string;
}

/** Parameters of the authorize page. */
export interface AuthorizeQuery {
  readonly state: Secret;
  readonly challenge: string;
  readonly redirectUri: string;
}

/** Talks to the authorization server (docs/protocol.md, section on login). Never throws: failures are results. */
@Injectable()
export class AuthorizationClient {
  private readonly base: string;
  /** The page on which the user types the code of a device login. */
  readonly verificationUrl: string;
  /** The redirect URI for which codes of device logins are issued; no browser is sent there. */
  readonly deviceRedirectUri: string;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly http: OutboundHttpClient,
  ) {
    this.base = config.refreshBase.href.replace(/\/$/, '');
    this.verificationUrl = `${this.base}/codex/device`;
    this.deviceRedirectUri = `${this.base}/deviceauth/callback`;
  }

  /** Returns the page on which the user approves the login. Contains the state, so show it to that user and never log it. */
  authorizeUrl({ state, challenge, redirectUri }: AuthorizeQuery): string {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: CLIENT_ID,
      redirect_uri: redirectUri,
      code_challenge: challenge,
      code_challenge_method: 'S256',
      state: state.reveal(),
      scope: SCOPE,
      id_token_add_organizations: 'true',
      // Parameters of Codex's flow, which identify the client to which the tokens are issued.
      codex_cli_simplified_flow: 'true',
      originator: 'codex_cli_rs',
    });
    return `${this.base}/oauth/authorize?${query.toString()}`;
  }

  async exchange({ code, verifier, redirectUri }: AuthorizationCode): Promise<ExchangeResponse> {
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: CLIENT_ID,
      code: code.reveal(),
      redirect_uri: redirectUri,
      code_verifier: verifier.reveal(),
    });
    return await this.ask('/oauth/token', form, readExchangeResponse, (reason) =>
      fault('exchange_failed', `No response from the token endpoint: ${reason}.`),
    );
  }

  async beginDevice(): Promise<DeviceStart> {
    const body = { client_id: CLIENT_ID };
    return await this.ask('/api/accounts/deviceauth/usercode', body, readDeviceStart, (reason) =>
      fault('device_unreachable', `No response from the authorization server: ${reason}.`),
    );
  }

  async askDevice({ deviceAuthId, userCode }: DeviceWait): Promise<DeviceResponse> {
    const body = { device_auth_id: deviceAuthId.reveal(), user_code: userCode };
    return await this.ask('/api/accounts/deviceauth/token', body, readDeviceResponse, () => ({
      kind: 'pending',
    }));
  }

  /** Sends URLSearchParams as a form, anything else as JSON. */
  private async ask<Result>(
    path: string,
    body: URLSearchParams | object,
    read: (status: number, text: string) => Result,
    unanswered: (reason: string) => Result,
  ): Promise<Result> {
    const isForm = body instanceof URLSearchParams;
    let response: OutboundResponse;
    try {
      response = await this.http.call({
        method: 'POST',
        url: new URL(this.base + path),
        headers: { 'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json' },
        body: isForm ? body.toString() : JSON.stringify(body),
        timeoutMs: limits.loginCallMs,
      });
    } catch (error) {
      return unanswered(describeError(error));
    }
    return read(response.status, response.text);
  }
}
