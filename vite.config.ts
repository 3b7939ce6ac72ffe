import { defineConfig } from 'vite';

/** Builds the operator's page into `dist/page`, after the program. */
export default defineConfig({
  root: 'src/page',
  base: '/',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/page',
    emptyOutDir: true,
    target: 'es2023',
    // The content security policy admits neither data: scripts nor inline ones.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    rolldownOptions: { input: ['src/page/index.html', 'src/page/sign-in.html'] },
  },
});
