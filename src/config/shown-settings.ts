import { describeProxy, type Egress } from '../egress/egress-proxy.js';
import { Secret } from '../runtime/secret.js';

/** A setting as it is in force, without secrets: tokens are `set` or `not set`. */
export interface ShownSetting {
  readonly name: string;
  readonly value: string;
  readonly source: 'default' | 'environment' | '.env';
}

/** Settings that are not the program's own; their values are paths or lists of hosts. */
const standardNames = ['NO_PROXY', 'NODE_EXTRA_CA_CERTS', 'CODEX_CA_CERTIFICATE', 'SSL_CERT_FILE'] as const;

/** Shows the settings in force. `own`: the parsed ones by name. `fromDotEnv`: names that a `.env` file has set. */
export function shownSettings(
  own: Readonly<Record<string, unknown>>,
  egress: Egress,
  env: NodeJS.ProcessEnv,
  fromDotEnv: ReadonlySet<string>,
): readonly ShownSetting[] {
  const sourceOf = (...names: readonly string[]): ShownSetting['source'] => {
    const name = names.find((it) => (env[it] ?? '') !== '');
    if (name === undefined) return 'default';
    return fromDotEnv.has(name) ? '.env' : 'environment';
  };
  const proxy = (name: string, it: Egress['http']): ShownSetting => ({
    name,
    value: it === null ? '' : describeProxy(it),
    source: sourceOf(name.toLowerCase(), name, 'all_proxy', 'ALL_PROXY'),
  });
  return [
    ...Object.entries(own).map(([name, value]) => ({
      name,
      value: name.endsWith('_TOKEN') ? (value === null ? 'not set' : 'set') : shownValue(value),
      source: sourceOf(name),
    })),
    proxy('HTTPS_PROXY', egress.https),
    proxy('HTTP_PROXY', egress.http),
    ...standardNames.map((name) => ({
      name,
      value: env[name.toLowerCase()] ?? env[name] ?? '',
      source: sourceOf(name.toLowerCase(), name),
    })),
  ];
}

/** Returns a value of a setting as it would be written. */
export function shownValue(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Secret) return 'set';
  if (value instanceof URL) return value.href;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'object' && 'host' in value && 'port' in value) {
    const host = String(value.host);
    return `${host.includes(':') ? `[${host}]` : host}:${String(value.port)}`;
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}
