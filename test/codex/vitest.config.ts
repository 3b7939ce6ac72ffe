import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'codex',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/codex/*.codex-spec.ts'],
    // Installs the real client here, so that only those who run these tests download it.
    globalSetup: ['test/codex/support/global-setup.ts'],
    // A turn takes one or two seconds; the longest waits are the client's own retries.
    testTimeout: 90_000,
    hookTimeout: 30_000,
    // Each test starts a proxy and a client; running more at once slows all of them down.
    maxWorkers: 2,
  },
});
