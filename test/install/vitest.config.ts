import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'install',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/install/*.install-spec.ts'],
    // Each test installs about a hundred packages and compiles the program. Compiling sqlite3 adds two minutes.
    testTimeout: 600_000,
    hookTimeout: 300_000,
    disableConsoleIntercept: true,
  },
});
