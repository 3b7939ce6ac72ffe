import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The file with the fingerprint of a build's inputs. It is in the build's folder, so that both are deleted together. */
export const STAMP = join('dist', '.build-inputs');
/** Entry files of the program, of its page and of its bundles. */
const ENTRIES = [
  join('dist', 'main.js'),
  join('dist', 'page', 'index.html'),
  join('dist', 'bundle', 'launch.js'),
  join('dist', 'cli-bundle', 'program.js'),
];
/** Files of the program and of its page. */
const SOURCE = /\.(tsx?|css|html|svg|json)$/;
const SETTINGS = [
  'package.json',
  'package-lock.json',
  'nest-cli.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'vite.config.ts',
  'scripts/build-openapi.mjs',
  'scripts/build-bundle.mjs',
  'scripts/bundle-plugins.mjs',
];

/**
 * Returns true unless `dist` is a complete build of the current sources and settings.
 * @param {string} root folder of the project
 */
export function isStale(root) {
  if ([STAMP, ...ENTRIES].some((it) => !existsSync(join(root, it)))) return true;
  return readFileSync(join(root, STAMP), 'utf8') !== fingerprint(root);
}

/**
 * Returns a SHA-256 over the paths and contents of all inputs of a build. Times do not work: a checkout, a copy or an
 * unpacked archive may bring a changed file that is older than the build.
 * @param {string} root folder of the project
 */
export function fingerprint(root) {
  const hash = createHash('sha256');
  for (const path of [...SETTINGS, ...sources(root)]) {
    const file = join(root, path);
    hash.update(`${path}\0`);
    // The length prevents the end of one file from passing as the start of the next.
    if (existsSync(file)) {
      const content = readFileSync(file);
      hash.update(`${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

/** All sources, with the fake upstream, which the demo imports. An edited spec must not cause a build. */
function sources(root) {
  return readdirSync(join(root, 'src'), { recursive: true })
    .filter((it) => SOURCE.test(it) && !it.endsWith('.spec.ts'))
    .map((it) => join('src', it))
    .toSorted();
}
