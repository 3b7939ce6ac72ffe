import { dropBrowserClasses } from '../runtime/browser-classes.js';
import { holdYoungGeneration } from '../runtime/young-generation.js';

/** Prepares V8 and Node for the modules of the program, then loads them and starts it (`start.ts`). */
export async function launch(): Promise<void> {
  holdYoungGeneration();
  dropBrowserClasses();
  const { start } = await import('./start.js');
  await start();
}
