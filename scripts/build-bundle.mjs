// Bundles the compiled program and its packages into a few files, `dist/bundle`: one entry, and one file for each part
// that is loaded only when it is needed. V8 keeps the source of every module that it has loaded, and Node resolves and
// reads each of 1,200 files; the bundle costs neither. `dist/main.js` runs it if it is there. The command line gets a
// bundle of its own, `dist/cli-bundle`, because each command is a start. The optional argument is another folder than
// `dist`.
import { renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import {
  absentPackages,
  dataFiles,
  licences,
  modulesInPlace,
  originalPaths,
  unusedParts,
} from './bundle-plugins.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = resolve(process.argv[2] ?? join(root, 'dist'));

await writeBundle('bundle', { launch: join(dist, 'bootstrap', 'launch.js') }, []);
// Two commands run the program itself, which has its own bundle.
const ofTheProgram = ['bootstrap/start-program.js', 'demo/demo-run.js'];
await writeBundle(
  'cli-bundle',
  { program: join(dist, 'cli', 'program.js') },
  ofTheProgram.map((it) => join(dist, it)),
);

/**
 * Writes a folder of `dist` with the bundle of an entry.
 * @param {string} name of the folder
 * @param {Record<string, string>} input the entry, by the name of its file in the bundle
 * @param {string[]} inPlace paths of modules that stay outside
 */
async function writeBundle(name, input, inPlace) {
  const target = join(dist, name);
  // Beside the target, so that relative paths from both are the same.
  const draft = join(dist, `${name}-draft`);
  rmSync(target, { recursive: true, force: true });
  const bundle = await rolldown({
    input,
    platform: 'node',
    // Packages with binaries; the program does without them where they do not load.
    external: ['sqlite3', 'fs-native-extensions'],
    plugins: [
      modulesInPlace(inPlace, target),
      unusedParts(),
      dataFiles(),
      originalPaths(target),
      absentPackages(),
      licences(),
    ],
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
  // As a whole, because its existence is taken for completeness.
  renameSync(draft, target);
}
