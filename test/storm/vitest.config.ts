import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'storm',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/storm/*.storm-spec.ts'],
    testTimeout: 600_000,
    hookTimeout: 300_000,
    // Two processes already use two cores: the program, and the client with the fake upstream.
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
