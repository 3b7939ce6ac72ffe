import { existsSync } from 'node:fs';
import { enableCompileCache, flushCompileCache } from 'node:module';

/** Starts the program, from the bundle if the build has one (`scripts/build-bundle.mjs`), and leaves it running. */
export async function startProgram(): Promise<void> {
  // Inside the build folder, so that it is removed with the build. If that is read-only, nothing is cached.
  enableCompileCache(`${import.meta.dirname}/../.compile-cache`);
  const isBundled = existsSync(`${import.meta.dirname}/../bundle/launch.js`);
  const entry = isBundled ? '../bundle/launch.js' : './launch.js';
  const program: typeof import('./launch.js') = await import(entry);
  await program.launch();
  // Now, because a killed process writes no cache.
  flushCompileCache();
}
