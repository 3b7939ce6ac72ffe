import { type ReadonlySignal, signal } from '@preact/signals';
import type { Delta, Snapshot } from '../../api/events.js';
import type { Summary } from '../../api/summary.js';
import { call } from './api-client.js';
import { now, setClock } from './clock.js';
import { fromJson } from './json.js';
import { LiveState } from './live-state.js';

/** `since`: when the last event came; the values on the page are that old. */
export type Connection =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'stale'; readonly since: number };

/** The newest state that the program has sent. */
export const live = new LiveState();

const state = signal<Connection>({ kind: 'connecting' });
export const connection: ReadonlySignal<Connection> = state;

const ADDRESS = '/admin/events';
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

let source: EventSource | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let waitMs = FIRST_WAIT_MS;

/** Keeps one connection open while the page is visible. */
export function startLive(): void {
  document.addEventListener('visibilitychange', () => (document.hidden ? disconnect() : connect()));
  addEventListener('pagehide', disconnect);
  addEventListener('pageshow', connect);
  if (!document.hidden) connect();
}

/** Takes the program's time anew. While that fails, the connection is lost too, and the next snapshot brings it. */
export async function syncClock(): Promise<void> {
  const reply = await call<Summary>('/admin/summary');
  if (reply.ok) setClock(reply.value.now);
}

function connect(): void {
  clearTimeout(timer);
  if (source !== null || document.hidden) return;
  const own = new EventSource(ADDRESS);
  source = own;
  own.addEventListener('snapshot', (event) => {
    const snapshot = fromJson<Snapshot>(event.data);
    setClock(snapshot.summary.now);
    live.takeSnapshot(snapshot);
    heard();
  });
  own.addEventListener('delta', (event) => {
    live.takeDelta(fromJson<Delta>(event.data));
    heard();
  });
  own.addEventListener('open', () => {
    if (live.summary.peek() !== null) heard();
  });
  own.addEventListener('dropped', () => lost(own));
  own.addEventListener('error', () => {
    stale();
    // The browser itself reconnects, with `Last-Event-ID`, unless the program has refused.
    if (own.readyState === EventSource.CLOSED) lost(own);
  });
}

function disconnect(): void {
  clearTimeout(timer);
  source?.close();
  source = null;
  stale();
}

function heard(): void {
  waitMs = FIRST_WAIT_MS;
  if (state.peek().kind !== 'live') state.value = { kind: 'live' };
}

function stale(): void {
  const { kind } = state.peek();
  if (kind === 'live') state.value = { kind: 'stale', since: now.peek() };
}

/** Connects anew after a wait that doubles. A call of the API finds out whether the page must sign in again. */
function lost(own: EventSource): void {
  own.close();
  if (source !== own) return;
  source = null;
  if (state.peek().kind !== 'stale') state.value = { kind: 'stale', since: now.peek() };
  timer = setTimeout(() => {
    void syncClock().then(connect);
  }, waitMs);
  waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
}
