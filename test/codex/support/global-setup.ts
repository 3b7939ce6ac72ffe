import { existsSync } from 'node:fs';
import { installCodexCli } from './codex-cli.js';
import { proxyEntry } from './running-proxy.js';
import { installTmux } from './tmux.js';

/** What the tests of this folder need that is not in the repository; each part is made only when it is missing. */
export default function setUp(): void {
  if (!existsSync(proxyEntry))
    throw new Error(`${proxyEntry} is missing: build the proxy first (npm run build)`);
  installCodexCli();
  installTmux();
}
