import { randomBytes, randomUUID } from 'node:crypto';
import { challengeOf, type CodeLedger } from './code-ledger.js';
import type { Exchange } from '../http/exchange.js';
import { sendJson, sendText } from '../http/local-response.js';
import { CODEX_CLIENT_ID } from '../script/made-up-credentials.js';
import { jsonIn } from '../http/request-body.js';

interface OpenDevice {
  readonly userCode: string;
  account: string | null;
}

/** Login by device code: a user code is issued, and the client polls until a person approves it. */
export class DeviceAuthorization {
  /** Polling interval in seconds, as the endpoint sends it. */
  interval: string | number = '5';
  /** Queued statuses. Each makes one request to either endpoint fail with an HTML page. */
  readonly faults: number[] = [];
  readonly #open = new Map<string, OpenDevice>();
  /** Values that only the program may know. */
  readonly secrets: string[] = [];

  constructor(
    private readonly codes: CodeLedger,
    private readonly redirectUri: () => string,
  ) {}

  /** Approves a user code for this account, as a person does in the browser. */
  approve(userCode: string, account: string): void {
    const device = [...this.#open.values()].find((it) => it.userCode === userCode);
    if (device === undefined) throw new Error('The fake upstream has not issued this user code');
    device.account = account;
  }

  /** Serves the two endpoints of a device login; returns false for any other path. */
  serve(path: string, exchange: Exchange): boolean {
    const isStart = path === '/api/accounts/deviceauth/usercode';
    if (!isStart && path !== '/api/accounts/deviceauth/token') return false;
    const asked = jsonIn(exchange.logged.body);
    const fault = this.faults.shift();
    if (fault !== undefined) sendText(exchange.res, fault, '<html><body>made up</body></html>', 'text/html');
    else if (isStart) this.#start(asked, exchange);
    else this.#poll(asked, exchange);
    return true;
  }

  #start(asked: Readonly<Record<string, unknown>>, { res }: Exchange): void {
    if (asked['client_id'] !== CODEX_CLIENT_ID) return sendJson(res, 400, { error: 'invalid_client' });
    const id = `deviceauth_made-up.${randomUUID()}`;
    const userCode = randomBytes(4).toString('hex').toUpperCase().replace(/^.{4}/, '$&-');
    this.#open.set(id, { userCode, account: null });
    this.secrets.push(id);
    sendJson(res, 200, { device_auth_id: id, user_code: userCode, interval: this.interval });
  }

  #poll(asked: Readonly<Record<string, unknown>>, { res }: Exchange): void {
    const id = String(asked['device_auth_id']);
    const device = this.#open.get(id);
    if (device === undefined || device.userCode !== asked['user_code'])
      return sendJson(res, 400, { error: 'invalid_request' });
    if (device.account === null) return sendJson(res, 403, { error: { code: 'authorization_pending' } });
    const verifier = randomBytes(64).toString('base64url');
    const challenge = challengeOf(verifier) ?? '';
    const code = this.codes.issue({ account: device.account, challenge, redirectUri: this.redirectUri() });
    this.#open.delete(id);
    this.secrets.push(verifier);
    sendJson(res, 200, {
      authorization_code: code,
      code_challenge: challenge,
      code_verifier: verifier,
    });
  }
}
