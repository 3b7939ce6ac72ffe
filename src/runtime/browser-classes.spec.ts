import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';

const file = new URL('browser-classes.ts', import.meta.url).href;

/** Whether a process that imports `node:http` after `first` has loaded Node's own undici. */
function loadsUndici(first: string): boolean {
  const code = `${first}; await import('node:http'); console.log(process.moduleLoadList.join());`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', code];
  return execFileSync(process.execPath, args, { encoding: 'utf8' }).includes('internal/deps/undici');
}

describe("the browser's classes in node:http", () => {
  it('load nothing once they are dropped', () => {
    expect(loadsUndici('')).toBe(true); // else there is no need to drop them
    expect(loadsUndici(`const { dropBrowserClasses } = await import('${file}'); dropBrowserClasses()`)).toBe(
      false,
    );
  });
});
