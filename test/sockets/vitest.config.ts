import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'sockets',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/sockets/*.sockets-spec.ts'],
    // SOCKETS_SECONDS may ask for runs of an hour.
    testTimeout: 7_200_000,
    hookTimeout: 120_000,
    // Two processes already use two cores: the program, and the client with the fake upstream.
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
