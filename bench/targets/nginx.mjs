import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const INSTALL_LIMIT_MS = 120_000;

const configOf = (folder, port, { port: upstreamPort, isTls }) => `
${process.getuid() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 1;
worker_rlimit_nofile 10000;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size 64m;
  client_body_buffer_size 32m;
  keepalive_requests 1000000;
  map $http_upgrade $connection_field { default upgrade; '' ''; }
  upstream backend {
    server 127.0.0.1:${upstreamPort};
    keepalive 64;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass ${isTls ? 'https' : 'http'}://backend;
      proxy_ssl_verify off;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_field;
      proxy_buffering off;
      proxy_read_timeout 900s;
    }
  }
}
`;

/** nginx as a plain reverse proxy: one worker, bodies in memory, no buffered responses, keep-alive to upstream. */
export function nginx(folder, upstream) {
  mkdirSync(folder, { recursive: true });
  return (port) => {
    const config = join(folder, 'nginx.conf');
    writeFileSync(config, configOf(folder, port, upstream));
    return { command: 'nginx', args: ['-p', folder, '-c', config, '-e', join(folder, 'error.log')] };
  };
}

/** Returns the version of nginx, or why it is missing. Installs it if missing, wanted and permitted. */
export function findNginx({ mayInstall }) {
  const version = versionOf();
  if (version !== null) return { version };
  if (!mayInstall) return { missing: 'nginx is not installed' };
  if (process.getuid() !== 0) return { missing: 'nginx is not installed, and only root could install it' };
  process.stderr.write('nginx is missing: installing it\n');
  const options = {
    stdio: 'ignore',
    timeout: INSTALL_LIMIT_MS,
    // The package would start its own service on port 80.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  };
  try {
    execFileSync('apt-get', ['update', '-qq'], options);
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'nginx'], options);
  } catch {
    // the next line shows whether it worked
  }
  const installed = versionOf();
  return installed === null
    ? { missing: 'nginx is not installed, and apt-get could not install it' }
    : { version: installed };
}

function versionOf() {
  try {
    return execFileSync('sh', ['-c', 'nginx -v 2>&1'], { encoding: 'utf8' })
      .trim()
      .replace(/^.*nginx\//, '');
  } catch {
    return null;
  }
}
