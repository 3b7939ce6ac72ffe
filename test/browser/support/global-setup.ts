import { existsSync } from 'node:fs';
import { proxyEntry } from '../../codex/support/running-proxy.js';
import { installChromium } from './chromium.js';

/** Prepares what these tests need beyond the repository, if it is missing. */
export default function setUp(): void {
  if (!existsSync(proxyEntry))
    throw new Error(`${proxyEntry} is missing: build the proxy first (npm run build)`);
  installChromium();
}
