import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Child } from '../../codex/support/child.js';
import { eventually } from '../../support/eventually.js';
import { blockBelow, replaced } from '../../support/operations/document.js';
import { alertQueries, ALERTS, boardQueries, projectFolder } from '../../support/operations/ops-files.js';
import { freePort } from '../../support/network/ports.js';
import { environment, isInstalled } from '../../support/operations/real-programs.js';
import { TestPool } from '../../support/pool/pool.js';

const ADMIN_TOKEN = 'made-up-admin-token';
const START_MS = 20_000;
const LIMIT_MS = 60_000;

const reply = z.object({ status: z.literal('success'), data: z.object({ result: z.array(z.unknown()) }) });
const rules = z.object({
  data: z.object({
    groups: z.array(
      z.object({ rules: z.array(z.object({ name: z.string(), health: z.string(), state: z.string() })) }),
    ),
  }),
});

/** A real Prometheus with the configuration of docs/operations.md, which scrapes a pool every second. */
class RealPrometheus implements AsyncDisposable {
  private constructor(
    readonly origin: string,
    private readonly child: Child,
    private readonly folder: string,
  ) {}

  static async start(pool: TestPool): Promise<RealPrometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-prometheus-'));
    const port = await freePort();
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, ADMIN_TOKEN, { mode: 0o600 });
    let config = blockBelow('Metrics', 'yaml');
    config = replaced(config, '127.0.0.1:8989', `127.0.0.1:${pool.port}`);
    config = replaced(config, '/etc/prometheus/codex-pool-token', tokenFile);
    config = replaced(config, '/etc/prometheus/codex-pool-alerts.yaml', ALERTS);
    const path = join(folder, 'prometheus.yml');
    await writeFile(path, `global: { scrape_interval: 1s, evaluation_interval: 1s }\n${config}`);
    const args = [
      `--config.file=${path}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ];
    const child = new Child('prometheus', args, { env: environment(), cwd: folder });
    await child.until((it) => (it.stderr.includes('ready to receive') ? true : null), 'Prometheus', START_MS);
    return new RealPrometheus(`http://127.0.0.1:${port}`, child, folder);
  }

  /** The series that a query returns now. @throws ZodError if Prometheus refuses it */
  async series(query: string): Promise<unknown[]> {
    const response = await fetch(`${this.origin}/api/v1/query?query=${encodeURIComponent(query)}`);
    return reply.parse(await response.json()).data.result;
  }

  async rules() {
    const response = await fetch(`${this.origin}/api/v1/rules`);
    return rules.parse(await response.json()).data.groups.flatMap((it) => it.rules);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

describe.runIf(isInstalled('prometheus'))('a real Prometheus, configured as docs/operations.md says', () => {
  it(
    'scrapes with the admin token, and has a value for each query of the board',
    async () => {
      await using pool = await TestPool.start({ env: { PROXY_ADMIN_TOKEN: ADMIN_TOKEN } });
      await using prometheus = await RealPrometheus.start(pool);
      for (let turn = 0; turn < 3; turn += 1) await pool.turn().expect(200);
      // A rate needs two samples.
      const twice = 'min(count_over_time(codex_pool_turns_total[1m])) >= 2';
      await eventually(
        async () => ((await prometheus.series(twice)).length > 0 ? null : 'no samples'),
        START_MS,
      );
      const withoutSeries = [];
      for (const { title, expr } of boardQueries())
        if ((await prometheus.series(expr)).length === 0) withoutSeries.push(title);
      // No attempt has failed.
      expect(withoutSeries).toEqual([expect.stringContaining('outcome!~')]);
      const firing = [];
      for (const { title, expr } of alertQueries())
        if ((await prometheus.series(expr)).length > 0) firing.push(title);
      // A busy machine may delay turns.
      expect(firing.filter((it) => it !== 'CodexPoolSlow')).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'evaluates the alert rules, and sees a pool that is out',
    async () => {
      await using pool = await TestPool.start({ env: { PROXY_ADMIN_TOKEN: ADMIN_TOKEN } });
      await using prometheus = await RealPrometheus.start(pool);
      for (const name of ['a', 'b'])
        await pool.client
          .patch(`/admin/accounts/${name}`)
          .set('authorization', `Bearer ${ADMIN_TOKEN}`)
          .send({ paused: true })
          .expect(200);
      const stateOf = async (name: string) =>
        (await prometheus.rules()).find((it) => it.name === name)?.state ?? 'unknown';
      await eventually(
        async () => ((await stateOf('CodexPoolOut')) === 'pending' ? null : 'the pool seems able'),
        START_MS,
      );
      expect(await stateOf('CodexPoolDown')).toBe('inactive');
      const found = await prometheus.rules();
      expect(found).toHaveLength(alertQueries().length);
      expect(found.filter((it) => it.health !== 'ok')).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe.runIf(isInstalled('promtool'))('promtool', () => {
  it('accepts the rules, and each alert fires when it should', () => {
    const options = { cwd: projectFolder, env: environment(), encoding: 'utf8' } as const;
    expect(execFileSync('promtool', ['check', 'rules', ALERTS], options)).toContain('SUCCESS');
    const tests = 'test/e2e/operations/alert-rules.promtool.yaml';
    expect(execFileSync('promtool', ['test', 'rules', tests], options)).toContain('SUCCESS');
  });
});
