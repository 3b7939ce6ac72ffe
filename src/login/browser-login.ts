import { Injectable } from '@nestjs/common';
import { checkName } from '../tokens/import-check.js';
import { AuthorizationClient } from './authorization-client.js';
import { type Callback, queryOfPasted, readCallback } from './callback.js';
import { CallbackListener } from './callback-listener.js';
import { type CallbackPage, pageOf, unknownCallback } from './callback-page.js';
import { LoginCompletion } from './login-completion.js';
import type { BrowserWait } from './login-state.js';
import type { Login } from './login.js';
import { CallbackRefusedError } from './login.errors.js';
import { Logins } from './logins.js';
import { newPkce, newState } from './pkce.js';

/** Logs in on a page of the authorization server, which redirects the browser back to us with a code. */
@Injectable()
export class BrowserLogin {
  constructor(
    private readonly logins: Logins,
    private readonly listener: CallbackListener,
    private readonly client: AuthorizationClient,
    private readonly completion: LoginCompletion,
  ) {
    listener.onCallback((query) => this.receive(query));
  }

  /**
   * Begins a login. `url` is the page to open; it is not available later.
   * @throws ImportRefusedError for an invalid name, TooManyLoginsError, NoCallbackPortError
   */
  async begin(name: string | null): Promise<{ readonly login: Login; readonly url: string }> {
    if (name !== null) checkName(name);
    this.logins.makeRoom();
    const hold = await this.listener.hold();
    try {
      const { verifier, challenge } = newPkce();
      const state = newState();
      const { redirectUri } = hold;
      const login = this.logins.add({ kind: 'browser', state, verifier, redirectUri }, name, hold);
      return { login, url: this.client.authorizeUrl({ state, challenge, redirectUri }) };
    } catch (error) {
      hold[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Accepts the complete callback address from a browser that cannot reach us. Resolves with the login after its end.
   * @throws CallbackRefusedError and leaves the login unchanged
   */
  async takePasted(login: Login, url: string): Promise<Login> {
    const wait = login.state.kind === 'waiting' ? login.state.wait : null;
    if (wait?.kind !== 'browser') {
      throw new CallbackRefusedError('not_waiting', 'This login is not waiting for a callback.');
    }
    const query = queryOfPasted(url);
    const callback = query === null ? null : readCallback(query);
    if (callback === null || callback.kind === 'unreadable') {
      throw new CallbackRefusedError(
        'unreadable_callback',
        `This is not a callback address. Paste the complete address that the browser shows at the end: ${wait.redirectUri}?code=…&state=….`,
      );
    }
    if (!wait.state.equals(callback.state)) {
      throw new CallbackRefusedError('wrong_state', 'This callback belongs to another login.');
    }
    return await this.take(login, wait, callback);
  }

  private async receive(query: URLSearchParams): Promise<CallbackPage> {
    const callback = readCallback(query);
    if (callback.kind === 'unreadable') return unknownCallback;
    const found = this.logins.waiting('browser').find(([, wait]) => wait.state.equals(callback.state));
    if (found === undefined) return unknownCallback;
    const [login, wait] = found;
    return pageOf((await this.take(login, wait, callback)).state);
  }

  private async take(
    login: Login,
    { verifier, redirectUri }: BrowserWait,
    callback: Exclude<Callback, { kind: 'unreadable' }>,
  ): Promise<Login> {
    if (callback.kind === 'code') {
      return await this.completion.complete(login, { code: callback.code, verifier, redirectUri });
    }
    return callback.isDenied
      ? this.completion.fail(login, 'access_denied', 'The login was refused in the browser.')
      : this.completion.fail(login, 'authorization_failed', 'The authorization server ended the login.');
  }
}
