// Bundles the compiled program and its packages into a few files, `dist/bundle`: one entry, and one file for each part
// that is loaded only when it is needed. V8 keeps the source of every module that it has loaded, and Node resolves and
// reads each of 1,200 files; the bundle costs neither. `dist/main.js` runs it if it is there. The optional argument is
// another folder than `dist`.
import { renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { absentPackages, dataFiles, licences, originalPaths, unusedParts } from './bundle-plugins.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, 'dist'));
const target = join(dist, 'bundle');
// Beside the target, so that relative paths from both are the same.
const draft = join(dist, 'bundle-draft');

rmSync(target, { recursive: true, force: true });
const bundle = await rolldown({
  input: { launch: join(dist, 'bootstrap', 'launch.js') },
  platform: 'node',
  // Packages with binaries; the program does without them where they do not load.
  external: ['sqlite3', 'fs-native-extensions'],
  plugins: [unusedParts(), dataFiles(), originalPaths(target), absentPackages(), licences()],
});
await bundle.write({
  dir: draft,
  cleanDir: true,
  format: 'esm',
  // Nest and TypeORM read the names of classes, and stack traces show them.
  keepNames: true,
  // Modules run in the order of their imports, as without a bundle. Nest's import each other in circles.
  strictExecutionOrder: true,
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  comments: { legal: false, annotation: false, jsdoc: false },
  // Lines stay, for stack traces. V8 stores a source with a single character beyond Latin-1 in twice the memory.
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: false, asciiOnly: true } },
});
await bundle.close();
// As a whole, because `dist/main.js` takes its existence for completeness.
renameSync(draft, target);
