import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { checkName } from '../tokens/import-check.js';
import { AuthorizationClient } from './authorization-client.js';
import { LoginCompletion } from './login-completion.js';
import type { DeviceWait } from './login-state.js';
import type { Login } from './login.js';
import { LoginNotBegunError } from './login.errors.js';
import { Logins } from './logins.js';

/** Logs in by a code that the user types on any device; polls until the login is approved. */
@Injectable()
export class DeviceLogin {
  /** Logins with a poll in progress, so that a slow response causes no second one. */
  private readonly polling = new Set<string>();

  constructor(
    private readonly logins: Logins,
    private readonly client: AuthorizationClient,
    private readonly completion: LoginCompletion,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    logins.onTick(() => this.pollDue());
  }

  /** @throws ImportRefusedError for an invalid name, TooManyLoginsError, LoginNotBegunError */
  async begin(name: string | null): Promise<Login> {
    if (name !== null) checkName(name);
    this.logins.makeRoom();
    const start = await this.client.beginDevice();
    if (start.kind === 'failed') throw new LoginNotBegunError(start.message);
    const { deviceAuthId, userCode, intervalMs } = start;
    const { verificationUrl } = this.client;
    const askAt = this.clock.now() + intervalMs;
    const wait: DeviceWait = { kind: 'device', deviceAuthId, userCode, verificationUrl, intervalMs, askAt };
    return this.logins.add(wait, name, null);
  }

  private pollDue(): void {
    const now = this.clock.now();
    for (const [login, wait] of this.logins.waiting('device')) {
      if (wait.askAt <= now && !this.polling.has(login.id)) void this.poll(login, wait);
    }
  }

  private async poll(login: Login, wait: DeviceWait): Promise<void> {
    this.polling.add(login.id);
    try {
      const response = await this.client.askDevice(wait);
      switch (response.kind) {
        case 'pending':
          this.logins.change(login, { kind: 'still-pending', askAt: this.clock.now() + wait.intervalMs });
          return;
        case 'allowed': {
          const { code, verifier } = response;
          const redirectUri = this.client.deviceRedirectUri;
          await this.completion.complete(login, { code, verifier, redirectUri });
          return;
        }
        case 'failed':
          this.completion.fail(login, response.code, response.message);
          return;
        default:
          response satisfies never;
      }
    } finally {
      this.polling.delete(login.id);
    }
  }
}
