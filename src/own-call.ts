import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { egressProxyFor } from './app.config.js';
import { limits } from './limits.js';

export const VERSION: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version;

export interface OwnCall {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The whole call, ms. */
  readonly timeoutMs: number;
}

export interface OwnCallAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const agentOptions = { connect: { timeout: limits.connectMs }, maxResponseSize: limits.ownCallBytes };
/** By the address of the proxy on the way; empty for none. */
const dispatchers = new Map<string, Dispatcher>();

/**
 * A call that the program makes for itself (refresh, poll), never for a client: it says who it is, honours
 * `HTTPS_PROXY`, and is bounded in time and size. Rejects when no answer came.
 */
export async function ownCall(call: OwnCall): Promise<OwnCallAnswer> {
  const answer = await request(call.url, {
    method: call.method,
    headers: { accept: 'application/json', ...call.headers, 'user-agent': `codex-pool/${VERSION}` },
    body: call.body ?? null,
    dispatcher: dispatcherFor(call.url),
    signal: AbortSignal.timeout(call.timeoutMs),
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

/** The next call begins on a connection of its own: the idle ones may be dead without knowing it. */
export function dropOwnConnections(): void {
  const dropped = [...dispatchers.values()];
  dispatchers.clear();
  // What runs on them may end by itself, or by its own time limit.
  for (const dispatcher of dropped) void dispatcher.close().catch(() => undefined);
}

function dispatcherFor(target: URL): Dispatcher {
  const proxy = egressProxyFor(target);
  const known = dispatchers.get(proxy ?? '');
  if (known !== undefined) return known;
  const made = proxy === null ? new Agent(agentOptions) : new ProxyAgent({ ...agentOptions, uri: proxy });
  dispatchers.set(proxy ?? '', made);
  return made;
}
