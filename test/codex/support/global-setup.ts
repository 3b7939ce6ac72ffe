import { existsSync } from 'node:fs';
import { installCodexCli } from './codex-cli.js';
import { proxyEntry } from './running-proxy.js';
import { installTmux } from './tmux.js';

/** Installs the dependencies of these tests that are not in the repository, each only if missing. */
export default function setUp(): void {
  if (!existsSync(proxyEntry))
    throw new Error(`${proxyEntry} is missing: build the proxy first (npm run build)`);
  installCodexCli();
  installTmux();
}
