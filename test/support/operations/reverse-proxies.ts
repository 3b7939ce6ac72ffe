import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../../codex/support/child.js';
import { eventually } from '../eventually.js';
import { blockBelow, replaced } from './document.js';
import { freePort, accepts } from '../network/ports.js';
import { environment } from './real-programs.js';

/** Name in the examples of docs/operations.md. */
export const PUBLIC_NAME = 'pool.example.org';
const START_MS = 10_000;

/** A reverse proxy of the system. */
export interface ReverseProxy {
  readonly program: string;
  /** Writes its configuration into a folder; returns its arguments. */
  readonly configure: (folder: string, port: number, target: number) => Promise<readonly string[]>;
}

/** The reverse proxies whose lines docs/operations.md gives. Only addresses and certificates are replaced. */
export const reverseProxies: readonly ReverseProxy[] = [
  {
    program: 'nginx',
    configure: async (folder, port, target) => {
      let lines = nginxLines();
      lines = replaced(lines, 'listen 443 ssl;', `listen 127.0.0.1:${port};`);
      lines = replaced(lines, 'http://127.0.0.1:8989', `http://127.0.0.1:${target}`);
      lines = lines.replaceAll(/^ *ssl_certificate.*\n/gm, '');
      const path = join(folder, 'nginx.conf');
      await writeFile(path, nginxFrame(folder, lines));
      return ['-p', folder, '-c', path, '-e', join(folder, 'error.log')];
    },
  },
  {
    program: 'caddy',
    configure: async (folder, port, target) => {
      let lines = blockBelow('Caddy', 'caddy');
      lines = replaced(lines, `${PUBLIC_NAME} {`, `http://${PUBLIC_NAME}:${port} {`);
      lines = replaced(lines, '127.0.0.1:8989', `127.0.0.1:${target}`);
      const path = join(folder, 'Caddyfile');
      await writeFile(path, `{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n${lines}`);
      return ['run', '--adapter', 'caddyfile', '--config', path];
    },
  },
];

/** Returns the lines for nginx, as the document gives them. */
export function nginxLines(): string {
  return blockBelow('nginx', 'nginx');
}

/** A running reverse proxy in front of a port. */
export interface RunningReverseProxy extends AsyncDisposable {
  readonly port: number;
  readonly origin: string;
}

/** Starts a reverse proxy in front of a loopback port; resolves when it accepts connections. */
export async function inFrontOf(
  { program, configure }: ReverseProxy,
  target: number,
): Promise<RunningReverseProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-pool-front-'));
  const port = await freePort();
  const args = await configure(folder, port, target);
  await mkdir(join(folder, 'home'));
  const env = { ...environment(), HOME: join(folder, 'home') };
  const child = new Child(program, args, { env, cwd: folder });
  const ended = child.ended.then(() => {
    throw new Error(`${program} has ended\n${child.outputTail}`);
  });
  const listening = eventually(
    async () => ((await accepts(port)) ? null : `${program} does not listen: ${child.outputTail}`),
    START_MS,
  );
  await Promise.race([listening, ended]);
  ended.catch(() => undefined); // its end at the stop
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The rest of a configuration, with all files in one folder. */
function nginxFrame(folder: string, lines: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `${process.getuid?.() === 0 ? 'user root;' : ''}
daemon off;
pid ${folder}/nginx.pid;
events {}
http {
  access_log off;
  ${temporary.map((it) => `${it}_temp_path ${folder}/${it};`).join(' ')}
${lines}
}
`;
}
