import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NotifyAddress } from '../../../src/alerts/notify-address.js';
import { changedSettingsSchema, settingsSchema, type SettingsView } from '../../../src/api/settings.js';
import { loadConfig } from '../../../src/config/app.config.js';
import { RuntimeSettings } from '../../../src/config/runtime-settings.js';
import { PoolLogger } from '../../../src/observability/pool-logger.js';
import { RecentErrors } from '../../../src/observability/recent-errors.js';
import { servedBy } from '../../support/pool/admin.js';
import type { TestPool } from '../../support/pool/pool.js';
import { startRanked } from '../../support/pool/ranked-accounts.js';

type Setting = SettingsView['settings'][number];

async function settingsOf(pool: TestPool): Promise<SettingsView> {
  const { body } = await pool.client.get('/admin/settings').expect(200);
  return settingsSchema.parse(body);
}

/** One setting as `value source`. */
async function shown(pool: TestPool, name: string): Promise<string> {
  const found = (await settingsOf(pool)).settings.find((it) => it.name === name);
  return `${found?.value} ${found?.source}`;
}

async function change(pool: TestPool, body: object) {
  const response = await pool.client.patch('/admin/settings').send(body).expect(200);
  return changedSettingsSchema.parse(response.body);
}

describe('the settings in force', () => {
  it('are listed with their sources; tokens are only set or not set', async () => {
    await using pool = await startRanked({
      accounts: ['a'],
      env: { PROXY_CLIENT_TOKEN: 'made-up-client-token' },
    });
    const { body, text } = await pool.client.get('/admin/settings').expect(200);
    const { settings, policies } = settingsSchema.parse(body);
    const byName = new Map(settings.map((it): [string, Setting] => [it.name, it]));
    expect(byName.size).toBe(settings.length);
    expect(byName.get('PROXY_POLICY')).toMatchObject({
      value: 'fill-first',
      source: 'environment',
      changeable: true,
    });
    expect(byName.get('PROXY_MAX_ATTEMPTS')).toMatchObject({
      value: '3',
      source: 'default',
      changeable: false,
    });
    expect(byName.get('PROXY_LISTEN_ADDR')).toMatchObject({ value: '127.0.0.1:0' });
    expect(byName.get('PROXY_CLIENT_TOKEN')).toMatchObject({ value: 'set', source: 'environment' });
    expect(byName.get('PROXY_ADMIN_TOKEN')).toMatchObject({ value: 'not set', source: 'default' });
    expect(byName.get('PROXY_NOTIFY_URL')).toMatchObject({ value: '', source: 'default', changeable: true });
    expect(text).not.toContain('made-up-client-token');
    expect(policies).toContain('round-robin');
  });

  it('come from the environment, the .env file, or the defaults, and show no password', () => {
    const env = {
      PROXY_DEBUG: '1',
      PROXY_POLICY: 'fill-first',
      HTTPS_PROXY: 'http://me:made-up@proxy.test:3128',
    };
    const { shown: list } = loadConfig(env, new Set(['PROXY_POLICY']));
    const sources = Object.fromEntries(list.map((it) => [it.name, `${it.value} ${it.source}`]));
    expect(sources).toMatchObject({
      PROXY_DEBUG: '1 environment',
      PROXY_POLICY: 'fill-first .env',
      PROXY_DRAIN_SECONDS: '30 default',
      HTTPS_PROXY: 'http://proxy.test:3128 environment',
      HTTP_PROXY: ' default',
    });
    expect(JSON.stringify(list)).not.toContain('made-up');
  });
});

describe('a change at run time', () => {
  it('of the policy holds for the next turn, and outranks the environment after a restart', async () => {
    await using pool = await startRanked();
    expect(await servedBy(pool)).toBe('a');
    expect(await servedBy(pool)).toBe('a');
    const { persisted } = await change(pool, { policy: 'round-robin' });
    expect(persisted).toBe(true);
    expect(await shown(pool, 'PROXY_POLICY')).toBe('round-robin operator');
    expect([await servedBy(pool), await servedBy(pool)]).toEqual(['b', 'a']);
    expect((await pool.client.get('/admin/summary')).body).toMatchObject({ policy: 'round-robin' });
    const again = await pool.restart();
    expect(await shown(again, 'PROXY_POLICY')).toBe('round-robin operator');
    await change(again, { policy: null });
    expect(await shown(again, 'PROXY_POLICY')).toBe('fill-first environment');
    const third = await again.restart();
    expect(await shown(third, 'PROXY_POLICY')).toBe('fill-first environment');
    expect([await servedBy(third), await servedBy(third)]).toEqual(['a', 'a']);
    await third.running.stop();
  });

  it('of the address reaches the alerts; an empty one turns them off', async () => {
    await using pool = await startRanked({ env: { PROXY_NOTIFY_URL: 'http://127.0.0.1:9/configured' } });
    const address = pool.running.app.get(NotifyAddress, { strict: false });
    expect(address.current?.href).toBe('http://127.0.0.1:9/configured');
    await change(pool, { notifyUrl: 'https://ntfy.test/topic' });
    expect(address.current?.href).toBe('https://ntfy.test/topic');
    await change(pool, { notifyUrl: '' });
    expect(address.current).toBeNull();
    const again = await pool.restart();
    expect(await shown(again, 'PROXY_NOTIFY_URL')).toBe(' operator');
    await change(again, { notifyUrl: null });
    expect(await shown(again, 'PROXY_NOTIFY_URL')).toBe('http://127.0.0.1:9/configured environment');
    await again.running.stop();
  });

  it('of debug mode reaches those who follow the settings, and the logger', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    const seen: boolean[] = [];
    pool.running.app.get(RuntimeSettings).onChange((it) => void seen.push(it.debug));
    await change(pool, { debug: true });
    await change(pool, { debug: null });
    expect(seen).toEqual([true, false]);
    const logger = new PoolLogger(new RecentErrors(), false, 'json');
    expect(logger.isLevelEnabled('debug')).toBe(false);
    logger.setDebug(true);
    expect(logger.isLevelEnabled('debug')).toBe(true);
    logger.setDebug(false);
    expect(logger.isLevelEnabled('debug')).toBe(false);
  });

  it('says that it is not stored while the database is off', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    const data = join(pool.folder, 'data');
    await rename(data, `${data}.aside`);
    await writeFile(data, 'a plain file');
    expect(await change(pool, { policy: 'round-robin' })).toMatchObject({ persisted: false });
    expect(await shown(pool, 'PROXY_POLICY')).toBe('round-robin operator');
  });

  it.each([
    { policy: 'fastest' },
    { policy: 7 },
    { debug: 'yes' },
    { notifyUrl: 'ntfy.test/topic' },
    { notifyUrl: 'https://me:made-up@ntfy.test' },
    { notifyUrl: `https://ntfy.test/${'x'.repeat(2_000)}` },
    { port: 1 },
    [],
    { policy: 'round-robin', debug: 1 },
  ])('is refused whole for %j', async (body) => {
    await using pool = await startRanked({ accounts: ['a'] });
    const response = await pool.client.patch('/admin/settings').send(body).expect(400);
    expect(response.body).toMatchObject({ code: 'bad_settings' });
    expect(response.text).not.toContain('made-up');
    expect(await shown(pool, 'PROXY_POLICY')).toBe('fill-first environment');
  });
});
