import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { madeUpAuthJson, madeUpTokens } from '../../dist/fake-upstream/script/made-up-credentials.js';

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 5_000;
const TEN_DAYS_MS = 864_000_000;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/** The Node flags of `npm start`. */
const startFlags =
  JSON.parse(readFileSync(here('../../package.json'), 'utf8')).scripts.start.match(/--\S+/g) ?? [];
const running = new Set();

// Kills all started processes, however the bench ends.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The proxy as deployed, with three made-up accounts in a folder that is removed afterwards. */
export function codexPool(folder, upstreamPort) {
  const pool = join(folder, 'pool');
  mkdirSync(pool, { recursive: true, mode: 0o700 });
  for (const name of ['one', 'two', 'three']) {
    const email = `${name}@example.invalid`;
    const identity = {
      accountId: `acct-${name}`,
      userId: `user-${name}`,
      email,
      plan: 'pro',
      fedramp: false,
    };
    const now = Date.now();
    const login = madeUpAuthJson(identity, madeUpTokens(identity, now, now + TEN_DAYS_MS), now);
    writeFileSync(join(pool, `${name}.json`), JSON.stringify(login), { mode: 0o600 });
  }
  const upstream = `http://127.0.0.1:${upstreamPort}`;
  return (port) => ({
    command: process.execPath,
    args: [...startFlags, here('../../dist/main.js')],
    options: {
      cwd: folder, // without a `.env`
      env: {
        PATH: process.env.PATH,
        PROXY_LISTEN_ADDR: `127.0.0.1:${port}`,
        POOL_DIR: pool,
        PROXY_DB_PATH: join(folder, 'data', 'proxy.db'),
        PROXY_DISABLE_REFRESH: '1',
        UPSTREAM_RESPONSES_BASE: `${upstream}/backend-api/codex`,
        UPSTREAM_WHAM_BASE: `${upstream}/backend-api`,
        UPSTREAM_REFRESH_BASE: upstream,
      },
    },
  });
}

const nginxConfig = (folder, port, upstreamPort) => `
${process.getuid() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 64m;
  client_body_buffer_size 1m;
  keepalive_requests 1000000;
  upstream backend {
    server 127.0.0.1:${upstreamPort};
    keepalive 64;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 900s;
    }
  }
}
`;

/** nginx as a plain reverse proxy: one worker, no buffering, keep-alive to upstream. */
export function nginx(folder, upstreamPort) {
  mkdirSync(folder, { recursive: true });
  return (port) => {
    const config = join(folder, 'nginx.conf');
    writeFileSync(config, nginxConfig(folder, port, upstreamPort));
    return {
      command: 'nginx',
      args: ['-p', folder, '-c', config, '-e', join(folder, 'error.log')],
      options: {},
    };
  };
}

/** Node's own http on both sides with a pipe between them. */
export function bareNode(upstreamPort) {
  return (port) => ({
    command: process.execPath,
    args: [here('bare-node.mjs'), String(port), String(upstreamPort)],
    options: {},
  });
}

/** Returns the version of nginx, or why it is missing. Installs it if missing and permitted. */
export function findNginx() {
  const version = nginxVersion();
  if (version !== null) return { version };
  if (process.getuid() !== 0) return { missing: 'nginx is not installed, and only root could install it' };
  process.stderr.write('nginx is missing: installing it\n');
  const options = {
    stdio: 'ignore',
    timeout: 120_000,
    // The package would start its own service on port 80.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  };
  try {
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'nginx'], options);
  } catch {
    // the next line shows whether it worked
  }
  const installed = nginxVersion();
  return installed === null
    ? { missing: 'nginx is not installed, and apt-get could not install it' }
    : { version: installed };
}

function nginxVersion() {
  try {
    return execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' })
      .trim()
      .replace(/^.*nginx\//, '');
  } catch {
    return null;
  }
}

/** Starts one of the above; resolves with the time until it serves. */
export async function start(describe) {
  const port = await freePort();
  const { command, args, options } = describe(port);
  const startedAt = performance.now();
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  running.add(child);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2_000);
  });
  child.once('exit', () => running.delete(child));
  child.once('error', (error) => {
    said = error.message;
  });
  const until = async (question) => {
    while (!(await question(port))) {
      const isOver = child.exitCode !== null || child.pid === undefined;
      if (isOver || performance.now() - startedAt > START_LIMIT_MS)
        throw new Error(`${command} does not start: ${said}`);
      await sleep(2);
    }
    return performance.now() - startedAt;
  };
  const portOpenMs = await until(isOpen);
  const healthyMs = await until(isHealthy);
  return { pid: child.pid, port, portOpenMs, healthyMs, stop: () => stop(child) };
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await gone;
  clearTimeout(timer);
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (isListening) => {
      socket.destroy();
      resolve(isListening);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

function isHealthy(port) {
  return new Promise((resolve) => {
    const asked = get({ host: '127.0.0.1', port, path: '/healthz', agent: false }, (response) => {
      response.resume();
      response.once('close', () => resolve(response.statusCode === 200));
    });
    asked.once('error', () => resolve(false));
  });
}
