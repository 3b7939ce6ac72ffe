import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'soak',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/soak/*.soak-spec.ts'],
    // SOAK_MINUTES may ask for runs of hours.
    testTimeout: 14_400_000,
    hookTimeout: 120_000,
    // Two processes already use two cores: the program, and the client with the fake upstream.
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
