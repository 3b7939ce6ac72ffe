import { isIP } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import type { Egress } from '../egress/egress-proxy.js';
import { isLoopbackName } from '../runtime/loopback.js';
import { PoolError } from '../runtime/pool-error.js';
import { type Authorities, authoritiesSchema } from './authorities.config.js';
import { type Prices, pricesSchemaOfEnv } from './prices.config.js';
import { driverSettings } from './driver-setting.js';
import { egressSchema } from './egress.config.js';
import {
  baseUrl,
  flag,
  flagOn,
  hostNames,
  integer,
  listenAddress,
  notifyUrl,
  path,
  setting,
  token,
} from './setting-kinds.js';
import { type ShownSetting, shownSettings } from './shown-settings.js';
import { selectionPolicyNames } from './selection-policy-name.js';

export const APP_CONFIG = Symbol('AppConfig');

export class InvalidConfigError extends PoolError {
  readonly code = 'invalid_config';
  /** @param faults sentences, each with the name of its setting */
  constructor(readonly faults: readonly string[]) {
    super(`Invalid settings:\n${faults.map((it) => `  ${it}`).join('\n')}`);
  }
}

const MiB = 1_024 * 1_024;
/** `auto`: lines for people on a terminal, else one JSON object per line. */
const logFormats = ['auto', 'pretty', 'json'] as const;

const schema = z.object({
  PROXY_LISTEN_ADDR: listenAddress,
  POOL_DIR: path('./pool'),
  PROXY_DB_PATH: path('./data/proxy.db'),
  PROXY_SQLITE_DRIVER: setting(
    z.enum(driverSettings, { error: `expected one of ${driverSettings.join(', ')}` }).default('auto'),
  ),
  PROXY_MAX_ATTEMPTS: integer(1, 100, 3),
  PROXY_USAGE_REFRESH_SECONDS: integer(1, 86_400, 300),
  PROXY_USAGE_RETENTION_DAYS: integer(1, 36_500, 30),
  PROXY_RECORD_PROJECTS: flagOn,
  PROXY_DISABLE_REFRESH: flag,
  PROXY_DEBUG: flag,
  PROXY_LOG_FORMAT: setting(
    z.enum(logFormats, { error: `expected one of ${logFormats.join(', ')}` }).default('auto'),
  ),
  PROXY_POLICY: setting(
    z
      .enum(selectionPolicyNames, { error: `expected one of ${selectionPolicyNames.join(', ')}` })
      .default('most-quota-left'),
  ),
  PROXY_MAX_REPLAY_BYTES: integer(0, 256 * MiB, 16 * MiB),
  PROXY_ADMIN_TOKEN: token,
  PROXY_CLIENT_TOKEN: token,
  PROXY_ALLOWED_HOSTS: hostNames,
  PROXY_NOTIFY_URL: notifyUrl,
  PROXY_NOTIFY_BELOW: integer(0, 100, 10),
  PROXY_DRAIN_SECONDS: integer(0, 86_400, 30),
  UPSTREAM_RESPONSES_BASE: baseUrl('https://chatgpt.com/backend-api/codex'),
  UPSTREAM_WHAM_BASE: baseUrl('https://chatgpt.com/backend-api'),
  UPSTREAM_REFRESH_BASE: baseUrl('https://auth.openai.com'),
  XDG_RUNTIME_DIR: setting(z.string().default('')),
});

/** All settings, read once at startup and frozen. Paths are absolute, `Seconds`/`Days` are whole numbers. */
export type AppConfig = Readonly<ReturnType<typeof toConfig>> & {
  /** The same settings for people, with their sources. */
  readonly shown: readonly ShownSetting[];
};

/**
 * Reads the settings from the environment. `fromDotEnv`: the names in it that a `.env` file has set.
 * @throws InvalidConfigError whose message lists every invalid setting by name
 */
export function loadConfig(env: NodeJS.ProcessEnv, fromDotEnv: ReadonlySet<string> = new Set()): AppConfig {
  const [parsed, egress, authorities, prices] = [
    schema.safeParse(env),
    egressSchema.safeParse(env),
    authoritiesSchema.safeParse(env),
    pricesSchemaOfEnv.safeParse(env),
  ];
  const faults = [
    ...[parsed, egress, authorities, prices].flatMap((it) => faultsIn(it.error)),
    ...exposureFaults(env),
  ];
  if (!parsed.success || !egress.success || !authorities.success || !prices.success || faults.length > 0)
    throw new InvalidConfigError(faults);
  const { XDG_RUNTIME_DIR: _, ...own } = { ...parsed.data, PROXY_PRICES: env['PROXY_PRICES'] };
  const shown = shownSettings(own, egress.data, env, fromDotEnv);
  return Object.freeze({ ...toConfig(parsed.data, egress.data, authorities.data, prices.data), shown });
}

function faultsIn(error: z.ZodError | undefined): string[] {
  return error?.issues.map((it) => `${it.path.join('.')}: ${it.message}`) ?? [];
}

/** Checks the tokens by themselves, so that a fault elsewhere does not hide that they are missing. */
function exposureFaults(env: NodeJS.ProcessEnv): string[] {
  const listen = schema.shape.PROXY_LISTEN_ADDR.safeParse(env['PROXY_LISTEN_ADDR']);
  if (!listen.success || isLoopbackAddress(listen.data.host)) return [];
  const reason =
    'must be set, because PROXY_LISTEN_ADDR is not a loopback address and others could reach the proxy';
  return ['PROXY_ADMIN_TOKEN', 'PROXY_CLIENT_TOKEN']
    .filter((name) => (env[name] ?? '') === '')
    .map((name) => `${name}: ${reason}`);
}

/** The folders and files that the settings name; null where a setting is invalid. */
export function pathsIn(env: NodeJS.ProcessEnv): {
  readonly poolDir: string | null;
  readonly dbPath: string | null;
} {
  return {
    poolDir: schema.shape.POOL_DIR.safeParse(env['POOL_DIR']).data ?? null,
    dbPath: schema.shape.PROXY_DB_PATH.safeParse(env['PROXY_DB_PATH']).data ?? null,
  };
}

/** The names of all settings of the program's own. */
export const settingNames: readonly string[] = [...Object.keys(schema.shape), 'PROXY_PRICES'];

function toConfig(
  it: z.infer<typeof schema>,
  egress: Egress,
  authorities: Authorities,
  prices: Prices | null,
) {
  return {
    egress,
    authorities,
    /** Prices of the API, by model; null if costs are not asked for. */
    prices,
    listen: it.PROXY_LISTEN_ADDR,
    poolDir: it.POOL_DIR,
    dbPath: it.PROXY_DB_PATH,
    sqliteDriver: it.PROXY_SQLITE_DRIVER,
    maxAttempts: it.PROXY_MAX_ATTEMPTS,
    usageRefreshSeconds: it.PROXY_USAGE_REFRESH_SECONDS,
    usageRetentionDays: it.PROXY_USAGE_RETENTION_DAYS,
    recordProjects: it.PROXY_RECORD_PROJECTS,
    refreshDisabled: it.PROXY_DISABLE_REFRESH,
    debug: it.PROXY_DEBUG,
    logFormat: it.PROXY_LOG_FORMAT,
    policy: it.PROXY_POLICY,
    maxReplayBytes: it.PROXY_MAX_REPLAY_BYTES,
    adminToken: it.PROXY_ADMIN_TOKEN,
    clientToken: it.PROXY_CLIENT_TOKEN,
    allowedHosts: it.PROXY_ALLOWED_HOSTS,
    /** Where alerts go; null: nowhere. Its path may be a secret of the receiver. */
    notifyUrl: it.PROXY_NOTIFY_URL,
    notifyBelowRatio: it.PROXY_NOTIFY_BELOW / 100,
    drainSeconds: it.PROXY_DRAIN_SECONDS,
    responsesBase: it.UPSTREAM_RESPONSES_BASE,
    whamBase: it.UPSTREAM_WHAM_BASE,
    refreshBase: it.UPSTREAM_REFRESH_BASE,
    runtimeFolders: runtimeFolders(it.XDG_RUNTIME_DIR),
  };
}

/** Returns folders for the locks that all programs of a user share. The first safe one is used. */
function runtimeFolders(own: string): readonly string[] {
  const { uid, username } = userInfo();
  const temporary = join(tmpdir(), `codex-pool-${uid === -1 ? username : uid}`);
  return !isAbsolute(own) ? [temporary] : [join(own, 'codex-pool'), temporary];
}

function isLoopbackAddress(host: string): boolean {
  return isIP(host) !== 0 || host === 'localhost' ? isLoopbackName(host) : false;
}
