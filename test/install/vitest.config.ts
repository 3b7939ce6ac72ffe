import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'install',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/install/*.install-spec.ts'],
    // Each test installs some hundred packages and compiles the program. If sqlite3 must be compiled, add two minutes.
    testTimeout: 600_000,
    hookTimeout: 120_000,
    disableConsoleIntercept: true,
  },
});
