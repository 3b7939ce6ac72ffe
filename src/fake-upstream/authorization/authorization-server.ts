import type { AccountScript } from '../script/account-script.js';
import { CodeLedger } from './code-ledger.js';
import { DeviceAuthorization } from './device-authorization.js';
import type { Exchange } from '../http/exchange.js';
import { sendJson, sendText } from '../http/local-response.js';
import { CODEX_CLIENT_ID } from '../script/made-up-credentials.js';
import { pathnameOf } from '../http/request-head.js';
import { type HeldTokenRequest, spoil, type TokenFault } from './token-endpoint.js';

type CodeFault = Exclude<TokenFault, 'drops-after-rotation'>;

interface Hold {
  readonly arrive: () => void;
  readonly released: Promise<void>;
}

/** The pages and endpoints of a login: a person allows it, the browser gets a code, and the code is exchanged for tokens. */
export class AuthorizationServer {
  readonly codes = new CodeLedger();
  readonly device: DeviceAuthorization;
  /** The account that a browser is signed in to; null if it is not. */
  person: string | null = null;
  readonly #faults: CodeFault[] = [];
  readonly #holds: Hold[] = [];

  constructor(
    private readonly account: (name: string) => AccountScript,
    origin: () => string,
  ) {
    this.device = new DeviceAuthorization(this.codes, () => `${origin()}/deviceauth/callback`);
  }

  /** Queues faults; each spoils one exchange of a code. */
  answers(...faults: CodeFault[]): this {
    this.#faults.push(...faults);
    return this;
  }

  /** Holds the next exchange of a code before the code is used. */
  hold(): HeldTokenRequest {
    const arrived = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    this.#holds.push({ arrive: arrived.resolve, released: released.promise });
    return { arrived: arrived.promise, release: released.resolve };
  }

  /** Returns the callback URL that a browser reaches after this account is allowed on an authorize page. */
  allow(authorizeUrl: string, account: string): string {
    const { challenge, redirectUri, state } = termsOf(new URL(authorizeUrl).searchParams);
    const code = this.codes.issue({ account, challenge, redirectUri });
    return `${redirectUri}?${new URLSearchParams({ code, scope: 'openid', state }).toString()}`;
  }

  /** Returns the callback URL after a denied login. */
  deny(authorizeUrl: string, error = 'access_denied'): string {
    const { redirectUri, state } = termsOf(new URL(authorizeUrl).searchParams);
    const query = new URLSearchParams({ error, error_description: `made up: ${state}`, state });
    return `${redirectUri}?${query.toString()}`;
  }

  /** Serves the requests of a login; returns false for any other. Only the fake upstream calls this. */
  async serve(exchange: Exchange): Promise<boolean> {
    const { method, path, headers } = exchange.logged;
    const pathname = pathnameOf(path);
    if (method === 'GET' && pathname.startsWith('/oauth/authorize')) {
      this.#page(pathname, path, exchange);
      return true;
    }
    if (method !== 'POST') return false;
    if (pathname !== '/oauth/token') return this.device.serve(pathname, exchange);
    if (headers['content-type'] !== 'application/x-www-form-urlencoded') return false;
    await this.#exchange(exchange);
    return true;
  }

  #page(pathname: string, path: string, { res, logged }: Exchange): void {
    const url = `http://${logged.headers.host}${path}`;
    try {
      termsOf(new URL(url).searchParams);
    } catch (error) {
      return sendText(res, 400, `<!doctype html><p>${String(error)}</p>`, 'text/html');
    }
    const query = path.slice(path.indexOf('?')).replaceAll('&', '&amp;');
    switch (pathname) {
      case '/oauth/authorize':
        return sendText(
          res,
          200,
          `<!doctype html><title>made up</title><a id="allow" href="/oauth/authorize/allow${query}">Allow</a> <a id="deny" href="/oauth/authorize/deny${query}">Deny</a>`,
          'text/html; charset=utf-8',
        );
      case '/oauth/authorize/allow': {
        if (this.person === null) return sendText(res, 400, 'the browser is not signed in', 'text/plain');
        return sendText(res, 302, '', 'text/plain', { location: this.allow(url, this.person) });
      }
      case '/oauth/authorize/deny':
        return sendText(res, 302, '', 'text/plain', { location: this.deny(url) });
      default:
        return sendText(res, 404, 'no such page', 'text/plain');
    }
  }

  async #exchange(exchange: Exchange): Promise<void> {
    const { res, logged } = exchange;
    const hold = this.#holds.shift();
    hold?.arrive();
    if (hold !== undefined) await exchange.unlessClosed(hold.released);
    const fault = this.#faults.shift();
    if (fault !== undefined) return spoil(fault, exchange);
    const form = new URLSearchParams(logged.body.toString('utf8'));
    const [code, verifier, redirectUri] = ['code', 'code_verifier', 'redirect_uri'].map(
      (it) => form.get(it) ?? '',
    );
    if (form.get('grant_type') !== 'authorization_code' || form.get('client_id') !== CODEX_CLIENT_ID)
      return sendJson(res, 400, { error: 'invalid_request' });
    const account = this.codes.redeem(code ?? '', verifier ?? '', redirectUri ?? '');
    if (account === null) return sendJson(res, 400, { error: 'invalid_grant' });
    const { id_token, access_token, refresh_token } = this.account(account).loginAgain().tokens;
    sendJson(res, 200, { id_token, access_token, refresh_token, token_type: 'Bearer', expires_in: 864_000 });
  }
}

const required: Readonly<Record<string, RegExp>> = {
  response_type: /^code$/,
  client_id: new RegExp(`^${CODEX_CLIENT_ID}$`),
  redirect_uri: /^http:\/\/127\.0\.0\.1:\d+\/auth\/callback$/,
  code_challenge: /^[\w-]{43}$/,
  code_challenge_method: /^S256$/,
  state: /^[\w-]{43}$/,
  scope: /^openid profile email offline_access\b/,
  id_token_add_organizations: /^true$/,
  codex_cli_simplified_flow: /^true$/,
  originator: /^codex_cli_rs$/,
};

/** The parameters of an authorize request. Throws if one differs from what Codex sends. */
function termsOf(query: URLSearchParams): { challenge: string; redirectUri: string; state: string } {
  for (const [name, pattern] of Object.entries(required)) {
    const values = query.getAll(name);
    if (values.length !== 1 || !pattern.test(values[0] ?? ''))
      throw new Error(`not what Codex sends: ${name}`);
  }
  const [challenge, redirectUri, state] = ['code_challenge', 'redirect_uri', 'state'].map(
    (it) => query.get(it) ?? '',
  );
  return { challenge: challenge ?? '', redirectUri: redirectUri ?? '', state: state ?? '' };
}
