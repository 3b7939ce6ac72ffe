import { enableCompileCache, flushCompileCache } from 'node:module';

/** Starts the program with V8 and Node tuned for it, and leaves it running. */
export async function startProgram(): Promise<void> {
  // Inside the build folder, so that it is removed with the build. If that is read-only, nothing is cached.
  enableCompileCache(`${import.meta.dirname}/../.compile-cache`);
  const { holdYoungGeneration } = await import('../runtime/young-generation.js');
  const { dropBrowserClasses } = await import('../runtime/browser-classes.js');
  holdYoungGeneration();
  dropBrowserClasses();
  const { start } = await import('./start.js');
  await start();
  // Now, because a killed process writes no cache.
  flushCompileCache();
}
