import { afterEach, beforeAll, beforeEach } from 'vitest';
import { buildProgram } from './child-process.js';
import { CommandHome } from './command-home.js';

/** Time for a build on a busy machine, ms. */
const BUILD_MS = 180_000;

/** Builds the program before the tests of a file, and makes a home without a folder of Codex for each; returns the current one. */
export function homeForEach(): () => CommandHome {
  let home: CommandHome | null = null;
  beforeAll(async () => void (await buildProgram()), BUILD_MS);
  beforeEach(async () => {
    home = await CommandHome.create(null);
  });
  afterEach(async () => {
    await home?.[Symbol.asyncDispose]();
  });
  return () => {
    if (home === null) throw new Error('there is a home only within a test');
    return home;
  };
}
