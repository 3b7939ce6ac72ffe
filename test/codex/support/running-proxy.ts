import { fileURLToPath } from 'node:url';
import { Child } from './child.js';

/** Entry of the built proxy. */
export const proxyEntry = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));

/** The built proxy in a separate process, on a free port. */
export interface RunningProxy {
  readonly origin: string;
  readonly child: Child;
}

/** Starts the proxy in the given folder and waits until it listens. */
export async function startProxy(
  folder: string,
  settings: Readonly<Record<string, string>>,
): Promise<RunningProxy> {
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    PROXY_LISTEN_ADDR: '127.0.0.1:0',
    ...settings,
  };
  const child = new Child(process.execPath, [proxyEntry], { env, cwd: folder });
  const isThere = (): string | null => /http:\/\/127\.0\.0\.1:[1-9]\d*/.exec(child.stdout)?.[0] ?? null;
  return { origin: await child.until(isThere, 'the proxy to say where it listens'), child };
}
