import { existsSync } from 'node:fs';
import { proxyEntry } from '../../codex/support/running-proxy.js';
import { installChromium } from './chromium.js';

/** What the tests of this folder need that is not in the repository; made only when it is missing. */
export default function setUp(): void {
  if (!existsSync(proxyEntry))
    throw new Error(`${proxyEntry} is missing: build the proxy first (npm run build)`);
  installChromium();
}
