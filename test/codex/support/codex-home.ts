import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthJson } from '../../../src/fake-upstream/script/made-up-credentials.js';

const readme = new URL('../../../README.md', import.meta.url);
const README_ORIGIN = 'http://127.0.0.1:8989';
/** No server listens there: Codex's requests to the Internet fail at once, on this machine. */
const NOWHERE = 'http://127.0.0.1:9';

/** Differences from the provider block of the README. */
export interface ProviderChanges {
  readonly name?: string;
  readonly supportsWebsockets?: boolean;
}

/** Options of a Codex home. */
export interface CodexHomeOptions {
  readonly proxyOrigin: string;
  readonly login: AuthJson;
  readonly provider?: ProviderChanges;
  /** URL at which Codex renews its login. Default: the proxy. */
  readonly tokenEndpoint?: string;
}

/** A Codex home folder for one test. */
export interface CodexHome {
  /** Codex's working folder; it is trusted. */
  readonly workFolder: string;
  /** The login that Codex stores now. */
  readonly authFile: string;
  /** Codex's whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Makes the folders, the config (the block of the README, at this proxy) and the login under the folder given. */
export function makeCodexHome(folder: string, options: CodexHomeOptions): CodexHome {
  const made = (name: string): string => {
    const path = join(folder, name);
    mkdirSync(path);
    return path;
  };
  const codexHome = made('codex');
  const workFolder = made('work');
  const authFile = join(codexHome, 'auth.json');
  writeFileSync(authFile, JSON.stringify(options.login), { mode: 0o600 });
  writeFileSync(join(codexHome, 'config.toml'), configToml(workFolder, options));
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: made('home'),
    CODEX_HOME: codexHome,
    // Codex refuses to put its helpers below the folder for temporary files, where this home is.
    TMPDIR: made('tmp'),
    LANG: 'C.UTF-8',
    TERM: 'xterm-256color',
    CODEX_REFRESH_TOKEN_URL_OVERRIDE: options.tokenEndpoint ?? `${options.proxyOrigin}/oauth/token`,
    HTTPS_PROXY: NOWHERE,
    NO_PROXY: '127.0.0.1,localhost',
  };
  return { workFolder, authFile, env };
}

function configToml(workFolder: string, { proxyOrigin, provider = {} }: CodexHomeOptions): string {
  const block = readmeBlock().replaceAll(README_ORIGIN, proxyOrigin);
  const name = provider.name === undefined ? '$&' : `name = "${provider.name}"`;
  const websockets = `supports_websockets = ${provider.supportsWebsockets ?? false}`;
  return [
    'check_for_update_on_startup = false',
    block.replace(/^name = .*$/m, `${name}\n${websockets}`),
    '[analytics]',
    'enabled = false',
    `[projects."${workFolder}"]`,
    'trust_level = "trusted"',
    '',
  ].join('\n');
}

/** The config block of the README, so that these tests run with it. */
function readmeBlock(): string {
  const blocks = [...readFileSync(readme, 'utf8').matchAll(/^```toml\n(.*?)^```$/gms)].map(
    (it) => it[1] ?? '',
  );
  const block = blocks.find((it) => it.includes('[model_providers.codex-pool]'));
  if (block?.includes(README_ORIGIN) !== true) throw new Error('README.md has no config block for Codex');
  return block;
}
