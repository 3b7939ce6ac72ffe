import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { madeUpPlaceholderLogin } from '../../dist/fake-upstream/script/made-up-credentials.js';
import { ask } from '../child-messages.mjs';
import { turnRequests } from '../turn/request.mjs';

const START_LIMIT_MS = 20_000;
const STOP_LIMIT_MS = 5_000;
const PAUSE_MS = 2;
const probe = new URL('loop-probe.mjs', import.meta.url).href;
const running = new Set();

// Kills all started processes, however the bench ends.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts a target; resolves with the time until it has served a turn. With `isProbed`, a program on Node is started with
 * the probe of its event loop, which does nothing until it is asked.
 */
export async function start(describe, { isProbed = false } = {}) {
  const port = await freePort();
  const { command, args, cwd, env } = describe(port);
  const startedAt = performance.now();
  const options = { cwd, env, stdio: ['ignore', 'ignore', 'pipe', ...(isProbed ? ['ipc'] : [])] };
  const child = spawn(command, isProbed ? ['--import', probe, ...args] : args, options);
  running.add(child);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2_000);
  });
  child.once('exit', () => running.delete(child));
  child.once('error', (error) => {
    said = error.message;
  });
  while (!(await isServed(port))) {
    const isOver = child.exitCode !== null || child.pid === undefined;
    if (isOver || performance.now() - startedAt > START_LIMIT_MS)
      throw new Error(`${command} does not start: ${said}`);
    await sleep(PAUSE_MS);
  }
  const servedMs = performance.now() - startedAt;
  return {
    pid: child.pid,
    port,
    servedMs,
    stop: () => stop(child),
    ...(isProbed ? { probe: (order) => ask(child, order) } : {}),
  };
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await gone;
  clearTimeout(timer);
}

const [firstTurn] = turnRequests(madeUpPlaceholderLogin(), 'tiny');

/** Whether a turn is served. */
function isServed(port) {
  return new Promise((resolve) => {
    const { headers, body } = firstTurn;
    const path = '/v1/responses?shape=short';
    const sent = request(
      { host: '127.0.0.1', port, method: 'POST', path, headers, agent: false },
      (response) => {
        response.resume();
        response.once('close', () => resolve(response.statusCode === 200 && response.complete));
      },
    );
    sent.once('error', () => resolve(false));
    sent.end(body);
  });
}
