import { isIP } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Egress } from '../egress/egress-proxy.js';
import { isLoopbackName } from '../runtime/loopback.js';
import { PoolError } from '../runtime/pool-error.js';
import { Secret } from '../runtime/secret.js';
import { type Authorities, authoritiesSchema } from './authorities.config.js';
import { driverSettings } from './driver-setting.js';
import { egressSchema } from './egress.config.js';
import { selectionPolicyNames } from './selection-policy-name.js';

export const APP_CONFIG = Symbol('AppConfig');

export class InvalidConfigError extends PoolError {
  readonly code = 'invalid_config';
}

const MiB = 1_024 * 1_024;

/** An empty environment variable counts as not set. */
const setting = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === '' ? undefined : value), schema);

const integer = (min: number, max: number, fallback: number) =>
  setting(
    z
      .string()
      .regex(/^\d+$/, `expected a whole number from ${min} to ${max}`)
      .transform(Number)
      .refine((it) => it >= min && it <= max, `expected a whole number from ${min} to ${max}`)
      .default(fallback),
  );

const flag = setting(
  z
    .enum(['0', '1', 'true', 'false'], { error: 'expected 0 or 1' })
    .default('0')
    .transform((it) => it === '1' || it === 'true'),
);

const path = (fallback: string) =>
  setting(
    z
      .string()
      .default(fallback)
      .transform((it) => resolve(it)),
  );

const baseUrl = (fallback: string) =>
  setting(
    z
      .string()
      .default(fallback)
      .transform((it, context) => {
        const url = URL.canParse(it) ? new URL(it) : null;
        const fits =
          url !== null &&
          (url.protocol === 'http:' || url.protocol === 'https:') &&
          url.search === '' &&
          url.hash === '' &&
          url.username === '';
        if (fits) return url;
        context.addIssue({
          code: 'custom',
          message: 'expected an http or https address without query, such as ' + fallback,
        });
        return z.NEVER;
      }),
  );

const token = setting(
  z
    .string()
    .regex(/^[\x21-\x7e]{8,}$/, 'expected at least 8 visible ASCII characters, no spaces')
    .transform((it) => new Secret(it))
    .optional(),
).transform((it) => it ?? null);

const listenAddress = setting(
  z
    .string()
    .default('127.0.0.1:8989')
    .transform((it, context) => {
      const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(it);
      const host = match?.[1] ?? match?.[2] ?? '';
      const port = Number(match?.[3]);
      if (match !== null && host !== '' && port <= 65_535) return { host, port };
      context.addIssue({
        code: 'custom',
        message: 'expected host:port, such as 127.0.0.1:8989 or [::1]:8989',
      });
      return z.NEVER;
    }),
);

const hostNames = setting(
  z
    .string()
    .default('')
    .transform((it) =>
      it
        .split(',')
        .map((name) => name.trim().toLowerCase())
        .filter((name) => name !== ''),
    ),
);

const schema = z
  .object({
    PROXY_LISTEN_ADDR: listenAddress,
    POOL_DIR: path('./pool'),
    PROXY_DB_PATH: path('./data/proxy.db'),
    PROXY_SQLITE_DRIVER: setting(
      z.enum(driverSettings, { error: `expected one of ${driverSettings.join(', ')}` }).default('auto'),
    ),
    PROXY_MAX_ATTEMPTS: integer(1, 100, 3),
    PROXY_USAGE_REFRESH_SECONDS: integer(1, 86_400, 300),
    PROXY_USAGE_RETENTION_DAYS: integer(1, 36_500, 30),
    PROXY_DISABLE_REFRESH: flag,
    PROXY_DEBUG: flag,
    PROXY_POLICY: setting(
      z
        .enum(selectionPolicyNames, { error: `expected one of ${selectionPolicyNames.join(', ')}` })
        .default('most-quota-left'),
    ),
    PROXY_MAX_REPLAY_BYTES: integer(0, 256 * MiB, 16 * MiB),
    PROXY_ADMIN_TOKEN: token,
    PROXY_CLIENT_TOKEN: token,
    PROXY_ALLOWED_HOSTS: hostNames,
    PROXY_DRAIN_SECONDS: integer(0, 86_400, 30),
    UPSTREAM_RESPONSES_BASE: baseUrl('https://chatgpt.com/backend-api/codex'),
    UPSTREAM_WHAM_BASE: baseUrl('https://chatgpt.com/backend-api'),
    UPSTREAM_REFRESH_BASE: baseUrl('https://auth.openai.com'),
    XDG_RUNTIME_DIR: setting(z.string().default('')),
  })
  .superRefine((it, context) => {
    if (isLoopbackAddress(it.PROXY_LISTEN_ADDR.host)) return;
    const reason =
      'must be set, because PROXY_LISTEN_ADDR is not a loopback address and others could reach the proxy';
    for (const name of ['PROXY_ADMIN_TOKEN', 'PROXY_CLIENT_TOKEN'] as const) {
      if (it[name] === null) context.addIssue({ code: 'custom', path: [name], message: reason });
    }
  });

/** All settings, read once at startup and frozen. Paths are absolute, `Seconds`/`Days` are whole numbers. */
export type AppConfig = Readonly<ReturnType<typeof toConfig>>;

/**
 * Reads the settings from the environment.
 * @throws InvalidConfigError whose message lists every invalid setting by name
 */
export function loadConfig(env: NodeJS.ProcessEnv): AppConfig {
  const [parsed, egress, authorities] = [
    schema.safeParse(env),
    egressSchema.safeParse(env),
    authoritiesSchema.safeParse(env),
  ];
  if (parsed.success && egress.success && authorities.success)
    return Object.freeze(toConfig(parsed.data, egress.data, authorities.data));
  const faults = [parsed, egress, authorities]
    .flatMap((it) => it.error?.issues ?? [])
    .map((it) => `  ${it.path.join('.')}: ${it.message}`);
  throw new InvalidConfigError(`Invalid settings:\n${faults.join('\n')}`);
}

function toConfig(it: z.infer<typeof schema>, egress: Egress, authorities: Authorities) {
  return {
    egress,
    authorities,
    listen: it.PROXY_LISTEN_ADDR,
    poolDir: it.POOL_DIR,
    dbPath: it.PROXY_DB_PATH,
    sqliteDriver: it.PROXY_SQLITE_DRIVER,
    maxAttempts: it.PROXY_MAX_ATTEMPTS,
    usageRefreshSeconds: it.PROXY_USAGE_REFRESH_SECONDS,
    usageRetentionDays: it.PROXY_USAGE_RETENTION_DAYS,
    refreshDisabled: it.PROXY_DISABLE_REFRESH,
    debug: it.PROXY_DEBUG,
    policy: it.PROXY_POLICY,
    maxReplayBytes: it.PROXY_MAX_REPLAY_BYTES,
    adminToken: it.PROXY_ADMIN_TOKEN,
    clientToken: it.PROXY_CLIENT_TOKEN,
    allowedHosts: it.PROXY_ALLOWED_HOSTS,
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
  return own === '' ? [temporary] : [join(own, 'codex-pool'), temporary];
}

function isLoopbackAddress(host: string): boolean {
  return isIP(host) !== 0 || host === 'localhost' ? isLoopbackName(host) : false;
}
