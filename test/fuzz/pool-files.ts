import { execFile } from 'node:child_process';
import { chmod, link, lutimes, mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BatchKind } from './batch.js';
import { TOKEN_CANARY } from './canary.js';
import type { Draw } from './draw.js';
import { oddText, spoilt } from './odd-json.js';
import type { Setting } from './setting.js';

/** Longer than the program waits for the rest of a file that is being written. */
const LIMIT_MS = 15_000;
const GiB = 1_024 ** 3;

/** Makes something odd at a path of the pool folder. Returns what must be ended before it is removed. */
type Oddity = (path: string, draw: Draw) => Promise<Server | void>;

/** Pool folders with files that are no files, or that change and vanish meanwhile. */
export const poolFiles: BatchKind = {
  name: 'pool files',
  inputs: 16,
  concurrency: 4,
  blamesNoAccount: true,
  make: (draw) => {
    const [kind, make] = draw.any(Object.entries<Oddity>(oddities));
    const name = nameOf(draw);
    const isOld = draw.happens(0.85);
    const doings = draw.list(1, 3, () => draw.one(actions));
    return {
      title: `${kind}, called ${JSON.stringify(name).slice(0, 80)}; then ${doings.map((it) => it.join(' ')).join(', ')}`,
      run: async (setting) => {
        const path = join(setting.program.pool, `${name}.json`);
        const server = await make(path, draw.fork(1));
        // No longer a possible partial write, which a reload would wait for.
        if (isOld) await lutimes(path, 0, 0).catch(() => undefined);
        try {
          return await doAll(setting, name, doings);
        } finally {
          server?.close();
          await rm(path, { recursive: true, force: true });
        }
      },
    };
  },
};

const actions: readonly [readonly [string, string], ...(readonly [string, string])[]] = [
  ['POST', '/admin/reload'],
  ['POST', '/admin/reload'],
  ['GET', '/admin/accounts/{name}'],
  ['DELETE', '/admin/accounts/{name}'],
  ['POST', '/admin/accounts'],
  ['POST', '/admin/accounts/{name}/refresh'],
  ['POST', '/admin/accounts/{name}/poll'],
  ['PATCH', '/admin/accounts/{name}'],
];

const good = {
  auth_mode: 'chatgpt',
  OPENAI_API_KEY: null,
  tokens: {
    access_token: `${TOKEN_CANARY}.a.b`,
    refresh_token: TOKEN_CANARY,
    id_token: TOKEN_CANARY,
    account_id: 'x',
  },
  last_refresh: '2026-01-01T00:00:00Z',
};
const mkfifo = async (path: string): Promise<void> => void (await promisify(execFile)('mkfifo', [path]));

const oddities = {
  'a FIFO': async (path) => await mkfifo(path),
  'a link to a FIFO': async (path) => {
    await mkfifo(`${path}.fifo`);
    await symlink(`${path}.fifo`, path);
  },
  'a link to itself': async (path) => await symlink(path, path),
  'a loop of links': async (path) => {
    await rm(`${path}.other`, { force: true });
    await symlink(`${path}.other`, path);
    await symlink(path, `${path}.other`);
  },
  'a link to a device': async (path, draw) =>
    await symlink(draw.one(['/dev/zero', '/dev/random', '/dev/full', '/dev/tty', '/dev/stdin']), path),
  'a link into /proc': async (path, draw) =>
    await symlink(draw.one(['/proc/self/mem', '/proc/kmsg', '/proc/self/fd', '/proc/self/environ']), path),
  'a link to nothing': async (path) => await symlink('/nonexistent/x/y.json', path),
  'a link to a folder': async (path) => await symlink('..', path),
  'a folder': async (path) => {
    await mkdir(join(path, 'inner.json'), { recursive: true });
  },
  'a socket': async (path) => {
    const server = createServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    // A path that is too long for a socket is simply not there.
    server.once('error', () => resolve()).listen(path, resolve);
    await promise;
    return server;
  },
  'an unreadable file': async (path) => {
    await writeFile(path, JSON.stringify(good));
    await chmod(path, 0);
  },
  'a huge file': async (path, draw) => {
    await writeFile(path, '{');
    await truncate(path, draw.size(1_000_000, 8 * GiB));
  },
  'a file that changes': async (path, draw) => {
    for (let i = 0; i < 40; i += 1) await writeFile(path, oddText(draw, good));
  },
  'a file that comes and goes': async (path) => {
    for (let i = 0; i < 40; i += 1) {
      await writeFile(`${path}.draft`, JSON.stringify(good));
      await rename(`${path}.draft`, path);
      if (i % 2 === 0) await rm(path, { force: true });
    }
  },
  'a file with two names': async (path) => {
    await writeFile(path, JSON.stringify(good));
    await rm(`${path}.json`, { force: true });
    await link(path, `${path}.json`);
  },
  'odd JSON': async (path, draw) =>
    await writeFile(path, oddText(draw, spoilt(draw, { ...good, tokens: spoilt(draw, good.tokens) }))),
  'no tokens': async (path, draw) =>
    await writeFile(
      path,
      JSON.stringify(
        draw.one<unknown>([
          { OPENAI_API_KEY: `sk-${TOKEN_CANARY}` },
          { tokens: null },
          [],
          null,
          5,
          { tokens: TOKEN_CANARY },
        ]),
      ),
    ),
} satisfies Record<string, Oddity>;

function nameOf(draw: Draw): string {
  const unique = String(draw.whole(0, 1e9));
  const odd = draw.one([
    'x',
    'a\nb',
    'é',
    '\u202e',
    ' ',
    '..x',
    'x.json',
    '-rf',
    '%2f',
    '"',
    '\\',
    '\u0001',
    '🂡',
    'n'.repeat(200),
    '__proto__',
  ]);
  return `${odd}${unique}`;
}

async function doAll(
  setting: Setting,
  name: string,
  doings: readonly (readonly [string, string])[],
): Promise<string[]> {
  const findings: string[] = [];
  for (const [method, template] of doings) {
    const path = template.replace('{name}', encodeURIComponent(name));
    const body = path === '/admin/accounts' ? JSON.stringify({ name, auth: good }) : '{}';
    const fields = `host: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}`;
    using client = setting.client();
    await client.write([Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields}\r\n\r\n${body}`)]);
    const { answers } = await client.answers([method], 1, LIMIT_MS);
    if (answers.length === 0) findings.push(`no answer to ${method} ${path} within ${LIMIT_MS} ms`);
    findings.push(...client.allFindings([method]));
  }
  return findings;
}
