/**
 * Drops the browser's classes from `node:http`, where getters offer them. The first import of a built-in module reads all
 * its exports, and these would load Node's own copy of undici: 5 % of the time of a start, and some megabytes. No code of
 * the program or of its packages asks `node:http` for them. Call it before anything imports `node:http`.
 */
export function dropBrowserClasses(): void {
  const http = process.getBuiltinModule('node:http');
  for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent'] as const)
    if (Object.getOwnPropertyDescriptor(http, name)?.configurable === true)
      Object.defineProperty(http, name, { value: undefined, configurable: true, enumerable: true });
}
