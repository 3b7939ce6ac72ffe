import { createInterface } from 'node:readline/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { type LoginView, loginSchema } from '../../api/login.js';
import { span } from '../../wording/times.js';
import { CommandError } from '../command/command-error.js';
import type { Output } from '../command/output.js';
import type { ProxyClient } from '../command/proxy-client.js';
import { connect } from './connection.js';
import { type LoginMethod, loginMethod } from './login-method.js';
import { replyAs } from './pool-reply.js';
import { inOneLine } from '../command/text-width.js';

const PERIOD_MS = 1_000;

export interface LoginFlags {
  readonly name?: string;
  readonly device: boolean;
  readonly paste: boolean;
  readonly json: boolean;
}

/** Logs an account in: shows where to approve it, and waits. @throws CommandError if it does not succeed */
export async function login({ name, device, paste, json }: LoginFlags, output: Output): Promise<void> {
  const client = connect();
  const mayAsk = process.stdin.isTTY && output.isTerminal && !json;
  if (mayAsk) await client.ask('GET', '/admin/login'); // no question if no proxy answers
  const method = await loginMethod({ device, paste }, mayAsk, process.env);
  const path = `/admin/login/${method === 'device' ? 'device' : 'browser'}`;
  const begun = loginIn(await client.ask('POST', path, name === undefined ? {} : { name }), path);
  const show = (line: string) => (json ? output.note(line) : output.line(line));
  for (const it of instructions(begun, method)) show(it);
  const ended = await untilEnded(client, begun, method);
  if (json && ended.state === 'succeeded') return output.json(ended);
  if (ended.state === 'succeeded') {
    const result = ended.result === 'added' ? 'joined the pool' : 'has its new login';
    output.line(output.style('green', `${inOneLine(ended.account ?? 'The account')} ${result}.`));
    return;
  }
  throw new CommandError(whyNot(ended));
}

function instructions(begun: LoginView, method: LoginMethod): readonly string[] {
  const wait = `Waiting for you, for ${span(begun.expiresAt - begun.startedAt)}. Ctrl-C cancels.`;
  if (begun.kind === 'device')
    return [`1. Open ${begun.verificationUrl ?? ''}`, `2. Type this code: ${begun.userCode ?? ''}`, '', wait];
  const other = 'The browser is on another machine? Use --device, or --paste.';
  const isHere = method === 'browser';
  return [
    `Open this address in a browser${isHere ? ' on this machine' : ''}, and approve:`,
    '',
    begun.url ?? '',
    '',
    isHere ? other : 'It ends at an address that it cannot open: copy that address from its address bar.',
    wait,
  ];
}

async function untilEnded(client: ProxyClient, begun: LoginView, method: LoginMethod): Promise<LoginView> {
  const path = `/admin/login/${encodeURIComponent(begun.id)}`;
  const stop = new AbortController();
  const cancel = () => stop.abort();
  process.once('SIGINT', cancel);
  try {
    if (method === 'paste') await pasted(client, path, stop);
    for (;;) {
      const now = loginIn(await client.ask('GET', path), path);
      if (now.state !== 'waiting' && now.state !== 'completing') return now;
      await pause(PERIOD_MS, undefined, { signal: stop.signal });
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return loginIn(await client.ask('DELETE', path), path);
  } finally {
    process.off('SIGINT', cancel);
  }
}

/** Takes the address at which the browser ended. Ctrl-C and the end of the input cancel. */
async function pasted(client: ProxyClient, path: string, stop: AbortController): Promise<void> {
  const cancel = () => stop.abort();
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.once('SIGINT', cancel).once('close', cancel);
  try {
    const { signal } = stop;
    const url = await lines.question('The address at which the browser ended: ', { signal });
    lines.off('close', cancel);
    await client.ask('POST', `${path}/callback`, { url: url.trim() });
  } finally {
    lines.off('close', cancel).close();
  }
}

function whyNot(ended: LoginView): string {
  if (ended.state === 'cancelled') return 'Cancelled. Nothing was changed.';
  if (ended.state === 'expired') return 'It was not approved in time. Begin again: codex-pool login';
  return ended.message ?? 'The login failed. Begin again: codex-pool login';
}

function loginIn(body: unknown, path: string): LoginView {
  return replyAs(loginSchema, body, path);
}
