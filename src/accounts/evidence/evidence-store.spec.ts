import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { type AppConfig, loadConfig } from '../../config/app.config.js';
import { Drain } from '../../runtime/drain.js';
import { limits } from '../../config/limits.js';
import { credentialOf } from '../../tokens/credential-file/credential.js';
import type { StoredCredential } from '../../tokens/stored-credential.js';
import { idle } from '../../tokens/refresh-state.js';
import { AccountEvidenceRow } from './account-evidence.entity.js';
import { accountTables } from '../account-tables.js';
import { Database } from '../../storage/database.js';
import { RetentionCron } from '../../storage/retention.cron.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { noEvidence } from './account-evidence.js';
import { learn } from './evidence-learning.js';
import { Account } from '../account.js';
import { EvidenceStore } from './evidence-store.js';

const T = Date.UTC(2026, 10, 22, 12);
const refused = learn(noEvidence, { kind: 'unauthorized', scope: 'account', until: null, at: T });
const credential = credentialOf({
  accessToken: 'opaque',
  refreshToken: 'rt',
  idToken: null,
  accountId: 'acct',
  lastRefreshAt: null,
});

const storedCredentialOf = (id: string): StoredCredential => ({
  id,
  name: id,
  credential,
  refresh: idle,
  grantedAt: null,
  warning: null,
  isLink: false,
  unsaved: null,
});

function accountOf(id: string): Account {
  const account = new Account(id, { current: storedCredentialOf(id) });
  account.evidence = refused;
  return account;
}

/** A database of its own. Each read of the clock advances it. */
class Sandbox implements AsyncDisposable {
  private now = T;
  private readonly clock = { now: () => (this.now += 1) };
  private readonly config: AppConfig;
  private readonly database: Database;
  readonly writer: WriteBehind;

  private constructor(private readonly folder: string) {
    this.config = loadConfig({ PROXY_DB_PATH: join(folder, 'proxy.db') });
    this.database = new Database(this.config, this.clock, accountTables);
    const registers = [new Registry()];
    const dropped = new Counter({ name: 'dropped', help: 'x', labelNames: ['kind'] as const, registers });
    this.writer = new WriteBehind(this.database, dropped, accountTables);
  }

  static async create(): Promise<Sandbox> {
    return new Sandbox(await mkdtemp(join(tmpdir(), 'codex-pool-evidence-')));
  }

  store(): EvidenceStore {
    return new EvidenceStore(this.writer, this.database, this.clock);
  }

  retention(): RetentionCron {
    return new RetentionCron(this.database, new Drain(), this.config, this.clock, accountTables);
  }

  async rows(): Promise<number> {
    return await this.database.run(async (manager) => await manager.count(AccountEvidenceRow));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

describe('stored evidence', () => {
  it('is bounded in memory, at startup and on disk; the oldest goes first', async () => {
    await using sandbox = await Sandbox.create();
    const bound = limits.accountsWithTotals;
    const store = sandbox.store();
    for (let i = 0; i < bound; i += 1) store.note(accountOf(`a${i}`));
    await sandbox.writer.flush();
    for (let i = bound; i < bound + 3; i += 1) store.note(accountOf(`a${i}`));
    await sandbox.writer.flush();
    expect(store.recall(storedCredentialOf('a2'))).toBeNull();
    expect(store.recall(storedCredentialOf('a3'))).toMatchObject({
      evidence: { scopes: refused.scopes },
    });
    expect(await sandbox.rows()).toBe(bound + 3);
    const restarted = sandbox.store();
    await restarted.onModuleInit();
    expect(restarted.recall(storedCredentialOf('a2'))).toBeNull();
    expect(restarted.recall(storedCredentialOf('a3'))?.evidence).toEqual(refused);
    expect(restarted.recall(storedCredentialOf(`a${bound + 2}`))?.evidence).toEqual(refused);
    await sandbox.retention().run();
    expect(await sandbox.rows()).toBe(bound);
  });
});
