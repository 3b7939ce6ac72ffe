import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'codex',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/codex/*.codex-spec.ts'],
    // Installs the real client here, so that only these tests download it.
    globalSetup: ['test/codex/support/global-setup.ts'],
    // A turn takes one or two seconds. The client's own retries take longest.
    testTimeout: 90_000,
    hookTimeout: 30_000,
    // Each test starts a proxy and a client; more at once would only slow all of them down.
    maxWorkers: 2,
  },
});
