import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { checkName } from '../tokens/import-check.js';
import { AuthorizationClient } from './authorization-client.js';
import { LoginCompletion } from './login-completion.js';
import type { DeviceWait } from './login-state.js';
import type { Login } from './login.js';
import { LoginNotBegunError } from './login.errors.js';
import { Logins } from './logins.js';

/** Login by a code that a person types on any device; we ask at intervals whether it was allowed. */
@Injectable()
export class DeviceLogin {
  /** Logins with a question under way: a slow answer is not asked for twice. */
  private readonly asking = new Set<string>();

  constructor(
    private readonly logins: Logins,
    private readonly client: AuthorizationClient,
    private readonly completion: LoginCompletion,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    logins.onTick(() => this.askDue());
  }

  /** @throws ImportRefusedError for a name that no account can have, TooManyLoginsError, LoginNotBegunError */
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

  private askDue(): void {
    const now = this.clock.now();
    for (const [login, wait] of this.logins.waiting('device')) {
      if (wait.askAt <= now && !this.asking.has(login.id)) void this.ask(login, wait);
    }
  }

  private async ask(login: Login, wait: DeviceWait): Promise<void> {
    this.asking.add(login.id);
    try {
      const answer = await this.client.askDevice(wait);
      switch (answer.kind) {
        case 'pending':
          this.logins.change(login, { kind: 'still-pending', askAt: this.clock.now() + wait.intervalMs });
          return;
        case 'allowed': {
          const { code, verifier } = answer;
          const redirectUri = this.client.deviceRedirectUri;
          await this.completion.complete(login, { code, verifier, redirectUri });
          return;
        }
        case 'failed':
          this.completion.fail(login, answer.code, answer.message);
          return;
        default:
          answer satisfies never;
      }
    } finally {
      this.asking.delete(login.id);
    }
  }
}
