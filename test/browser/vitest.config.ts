import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'browser',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/browser/*.browser-spec.ts'],
    // Installs the browser here, so that only these tests download it.
    globalSetup: ['test/browser/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 30_000,
    // Browser logins return to one of two fixed ports, which parallel tests would compete for.
    fileParallelism: false,
  },
});
