import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'crash',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/crash/*.crash-spec.ts'],
    // Hundreds of starts of the program, one after the other in each lane.
    testTimeout: 900_000,
    hookTimeout: 120_000,
    // Two lanes keep two cores busy; more would only make all of them late.
    fileParallelism: false,
    maxConcurrency: 2,
    disableConsoleIntercept: true,
  },
});
