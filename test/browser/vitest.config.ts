import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'browser',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/browser/*.browser-spec.ts'],
    // Installs the browser here, so that only those who run these tests get it.
    globalSetup: ['test/browser/support/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 30_000,
    // A browser login returns to one of two fixed ports, so tests cannot run in parallel.
    fileParallelism: false,
  },
});
