import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // A hanging socket must fail by name, not by the runner's own end.
    testTimeout: 15_000,
    hookTimeout: 15_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.spec.ts'] } },
      {
        extends: true,
        test: { name: 'e2e', include: ['test/*.e2e-spec.ts'] },
      },
    ],
  },
});
