import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { call, type RawResponse } from '../support/clients/raw-http.js';
import type { Remedy } from './outage.js';
import type { UpstreamModel } from './upstream-model.js';

const POLL_MS = 20;

/**
 * The pool's operator. Ends outages that would outlast the storm, each with its remedy (a reset, a successful
 * poll, the file of a new login), and pauses accounts for a while.
 */
export class Operator {
  /** Remedies applied, by kind. */
  readonly done = new Map<string, number>();
  #isStopped = false;

  constructor(
    private readonly upstream: UpstreamModel,
    private readonly fakeUpstream: FakeUpstream,
    private readonly poolFolder: string,
    private readonly origin: () => string,
  ) {}

  /** Works until stopped; rejects if the program refuses an admin request. */
  async work(): Promise<void> {
    this.#isStopped = false;
    while (!this.#isStopped) {
      for (const it of this.upstream.accountsToPause.splice(0)) await this.#pauseAccount(it.account, it.roll);
      for (const { account, remedy } of this.upstream.outages.due(Date.now()))
        await this.#apply(account, remedy);
      await pause(POLL_MS);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #pauseAccount(account: string, roll: number): Promise<void> {
    const notice = { issuedAt: Date.now(), knownAt: Infinity };
    const end = { remedy: 'resume', dueAt: notice.issuedAt + 300 + roll * 600 } as const;
    this.upstream.outages.add({ kind: 'paused', account, models: null, end, isCertain: true }, notice);
    await this.#command('PATCH', `/admin/accounts/${account}`, { paused: true });
    notice.knownAt = Date.now();
  }

  async #apply(account: string, remedy: Remedy): Promise<void> {
    if (remedy !== 'resume') this.upstream.clearFaults(account, remedy);
    const from = Date.now();
    const tookEffect = this.upstream.outages.remedying(account, remedy, from);
    const isDone = await this.#request(account, remedy);
    if (remedy === 'reset') this.upstream.reset(account, from);
    tookEffect(isDone ? Date.now() : Infinity);
    this.done.set(remedy, (this.done.get(remedy) ?? 0) + 1);
  }

  /** Returns whether the remedy took effect. */
  async #request(account: string, remedy: Remedy): Promise<boolean> {
    const path = `/admin/accounts/${account}`;
    switch (remedy) {
      case 'resume':
        await this.#command('PATCH', path, { paused: false });
        return true;
      case 'reset':
        await this.#command('POST', `${path}/reset`);
        return true;
      case 'new file':
        await this.#logInAgain(account);
        return true;
      case 'poll': {
        const { status } = await this.#call('POST', `${path}/poll`);
        // Its token may be refused by now, and no turn triggers a refresh.
        if (status === 502) await this.#call('POST', `${path}/refresh`);
        return status === 200;
      }
      default:
        return remedy satisfies never;
    }
  }

  async #logInAgain(account: string): Promise<void> {
    const json = this.fakeUpstream.account(account).loginAgain();
    const draft = join(this.poolFolder, '.new-login');
    await writeFile(draft, JSON.stringify(json), { mode: 0o600 });
    await rename(draft, join(this.poolFolder, `${account}.json`));
    await this.#command('POST', '/admin/reload');
  }

  async #command(method: string, path: string, body?: object): Promise<void> {
    const response = await this.#call(method, path, body);
    if (response.status !== 200)
      throw new Error(`${method} ${path} returned ${response.status}: ${response.body.toString()}`);
  }

  async #call(method: string, path: string, body?: object): Promise<RawResponse> {
    const headers = { 'content-type': 'application/json' };
    const request = { method, path, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return await call(this.origin(), request);
  }
}
