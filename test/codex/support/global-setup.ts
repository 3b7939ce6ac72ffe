import { existsSync } from 'node:fs';
import { installCodexCli } from './codex-cli.js';
import { proxyEntry } from './running-proxy.js';
import { installTmux } from './tmux.js';

/** Prepares what these tests need beyond the repository, each part only if it is missing. */
export default function setUp(): void {
  if (!existsSync(proxyEntry))
    throw new Error(`${proxyEntry} is missing: build the proxy first (npm run build)`);
  installCodexCli();
  installTmux();
}
