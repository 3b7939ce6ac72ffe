import { describe, expect, it } from 'vitest';
import { settingNames } from '../config/app.config.js';
import { misspelledSettings } from './misspelled-settings.js';

const closestTo = (...names: string[]) => misspelledSettings(names, settingNames);

describe('a variable that looks like a setting', () => {
  it.each([
    ['PROXY_MAX_ATTEMPT', 'PROXY_MAX_ATTEMPTS'],
    ['PROXY_LISTEN_ADDRESS', 'PROXY_LISTEN_ADDR'],
    ['PROXY_ALLOWED_HOST', 'PROXY_ALLOWED_HOSTS'],
    ['PROXY_ADMIN_TOKEM', 'PROXY_ADMIN_TOKEN'],
    ['POOL_DIRS', 'POOL_DIR'],
    ['UPSTREAM_WHAM_BASES', 'UPSTREAM_WHAM_BASE'],
    ['proxy_debug', 'PROXY_DEBUG'],
  ])('%s is reported as perhaps %s', (name, setting) => {
    expect(closestTo(name)).toEqual([`${name} is no setting; perhaps ${setting} is meant`]);
  });

  it.each([
    'PROXY_HOST',
    'PROXY_PORT',
    'PROXY_URL',
    'PROXY_USER',
    'POOL_SIZE',
    'HTTPS_PROXY',
    'PATH',
    'PROXY_',
  ])('%s belongs to another program', (name) => {
    expect(closestTo(name)).toEqual([]);
  });

  it('is not reported beside the setting itself, nor is any setting', () => {
    expect(closestTo('PROXY_MAX_ATTEMPT', 'PROXY_MAX_ATTEMPTS')).toEqual([]);
    expect(closestTo(...settingNames)).toEqual([]);
  });
});
