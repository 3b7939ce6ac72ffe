import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'browser',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/browser/*.browser-spec.ts'],
    // Installs the browser, so that nobody gets it who does not run these tests.
    globalSetup: ['test/browser/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 30_000,
    // A login by browser comes back to one of two ports, which are the same for all.
    fileParallelism: false,
  },
});
