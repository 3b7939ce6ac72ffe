import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a build leaves the fingerprint of what it was made from; inside its own folder, so that both go together. */
export const STAMP = join('dist', '.build-inputs');
const ENTRY = join('dist', 'main.js');
const SETTINGS = [
  'package.json',
  'package-lock.json',
  'nest-cli.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/**
 * Whether `dist` was not made, as a whole, from the sources and settings as they are now.
 * @param {string} root folder of the project
 */
export function isStale(root) {
  if (!existsSync(join(root, STAMP)) || !existsSync(join(root, ENTRY))) return true;
  return readFileSync(join(root, STAMP), 'utf8') !== fingerprint(root);
}

/**
 * SHA-256 over the path and content of everything that a build reads. Contents, since a checkout, a copy or an
 * unpacked archive may bring an other file that is older than the build.
 * @param {string} root folder of the project
 */
export function fingerprint(root) {
  const hash = createHash('sha256');
  for (const path of [...SETTINGS, ...sources(root)]) {
    const file = join(root, path);
    hash.update(`${path}\0`);
    // The length keeps the end of one file from passing as the start of the next.
    if (existsSync(file)) {
      const content = readFileSync(file);
      hash.update(`${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

/** Tests are not part of the build: an edited one must not cost a compile. */
function sources(root) {
  return readdirSync(join(root, 'src'), { recursive: true })
    .filter((it) => it.endsWith('.ts') && !it.endsWith('.spec.ts'))
    .map((it) => join('src', it))
    .toSorted();
}
