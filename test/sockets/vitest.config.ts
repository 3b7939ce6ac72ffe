import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'sockets',
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/sockets/*.sockets-spec.ts'],
    // Ten minutes are wished for now and then, and more by patient people.
    testTimeout: 7_200_000,
    hookTimeout: 120_000,
    // Two processes keep two cores busy: the program, and the client with the upstream.
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
