import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'fuzz',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/fuzz/*.fuzz-spec.ts'],
    // The fuzz ends by itself after FUZZ_SECONDS; a failed batch is then narrowed down.
    testTimeout: 3_600_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
