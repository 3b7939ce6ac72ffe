import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'crash',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/crash/*.crash-spec.ts'],
    // Hundreds of starts of the program, one after the other in each series.
    testTimeout: 900_000,
    hookTimeout: 120_000,
    // Two series already use two cores; more would only slow all of them down.
    fileParallelism: false,
    maxConcurrency: 2,
    disableConsoleIntercept: true,
  },
});
