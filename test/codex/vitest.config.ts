import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'codex',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/codex/*.codex-spec.ts'],
    // Installs the real client, so that nobody downloads it who does not run these tests.
    globalSetup: ['test/codex/support/global-setup.ts'],
    // A turn takes one or two seconds; the longest waits are the client's own retries.
    testTimeout: 90_000,
    hookTimeout: 30_000,
    // Each test starts a proxy and a client; more at once only makes all of them late.
    maxWorkers: 2,
  },
});
