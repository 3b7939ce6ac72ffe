import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { call, type RawResponse } from '../support/clients/raw-http.js';
import type { Oracle } from './upstream-model.js';
import type { Remedy } from './outage.js';

const LOOK_MS = 20;

/**
 * A person who looks after the pool: ends what would keep an account out for longer than a storm lasts, each thing by
 * what ends it (a reset, a good poll, the file of a new login), and pauses accounts for a while.
 */
export class Operator {
  readonly done = new Map<string, number>();
  #isStopped = false;

  constructor(
    private readonly oracle: Oracle,
    private readonly fakeUpstream: FakeUpstream,
    private readonly poolFolder: string,
    private readonly origin: () => string,
  ) {}

  /** Works until it is stopped; rejects when the program does not do as it is told. */
  async work(): Promise<void> {
    this.#isStopped = false;
    while (!this.#isStopped) {
      for (const it of this.oracle.toBePaused.splice(0)) await this.#pauseAccount(it.account, it.dice);
      for (const { account, remedy } of this.oracle.spells.due(Date.now()))
        await this.#remedy(account, remedy);
      await pause(LOOK_MS);
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  async #pauseAccount(account: string, dice: number): Promise<void> {
    const word = { toldAt: Date.now(), knownAt: Infinity };
    const end = { remedy: 'resume', dueAt: word.toldAt + 300 + dice * 600 } as const;
    this.oracle.spells.add({ kind: 'paused', account, model: null, end, isSure: true }, word);
    await this.#tell('PATCH', `/admin/accounts/${account}`, { paused: true });
    word.knownAt = Date.now();
  }

  async #remedy(account: string, remedy: Remedy): Promise<void> {
    if (remedy !== 'resume') this.oracle.relents(account, remedy);
    const from = Date.now();
    const granted = this.oracle.spells.remedying(account, remedy, from);
    const isGranted = await this.#ask(account, remedy);
    if (remedy === 'reset') this.oracle.reset(account, from);
    granted(isGranted ? Date.now() : Infinity);
    this.done.set(remedy, (this.done.get(remedy) ?? 0) + 1);
  }

  async #ask(account: string, remedy: Remedy): Promise<boolean> {
    const path = `/admin/accounts/${account}`;
    switch (remedy) {
      case 'resume':
        await this.#tell('PATCH', path, { paused: false });
        return true;
      case 'reset':
        await this.#tell('POST', `${path}/reset`);
        return true;
      case 'new file':
        await this.#logInAnew(account);
        return true;
      case 'poll': {
        const { status } = await this.#call('POST', `${path}/poll`);
        // Its token may be refused by now, and no turn comes by to have it renewed.
        if (status === 502) await this.#call('POST', `${path}/refresh`);
        return status === 200;
      }
      default:
        return remedy satisfies never;
    }
  }

  async #logInAnew(account: string): Promise<void> {
    const json = this.fakeUpstream.account(account).loginAgain();
    const draft = join(this.poolFolder, '.new-login');
    await writeFile(draft, JSON.stringify(json), { mode: 0o600 });
    await rename(draft, join(this.poolFolder, `${account}.json`));
    await this.#tell('POST', '/admin/reload');
  }

  async #tell(method: string, path: string, body?: object): Promise<void> {
    const answer = await this.#call(method, path, body);
    if (answer.status !== 200)
      throw new Error(`${method} ${path} was answered ${answer.status}: ${answer.body.toString()}`);
  }

  async #call(method: string, path: string, body?: object): Promise<RawResponse> {
    const headers = { 'content-type': 'application/json' };
    const asked = { method, path, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    return await call(this.origin(), asked);
  }
}
