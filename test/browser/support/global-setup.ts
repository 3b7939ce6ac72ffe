import { existsSync } from 'node:fs';
import { proxyEntry } from '../../codex/support/running-proxy.js';
import { installChromium } from './chromium.js';

/** Installs the dependencies of these tests that are not in the repository, if missing. */
export default function setUp(): void {
  if (!existsSync(proxyEntry))
    throw new Error(`${proxyEntry} is missing: build the proxy first (npm run build)`);
  installChromium();
}
