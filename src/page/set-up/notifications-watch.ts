import { effect, type ReadonlySignal, signal } from '@preact/signals';
import type { Summary } from '../../api/summary.js';
import { call } from '../state/api-client.js';
import { live } from '../state/live.js';
import { alreadyTold, notificationsFor, type Told } from './notifications.js';

/** Whether this browser shows notifications: `unavailable` where it cannot, `denied` where its settings forbid it. */
export type NotificationState = 'off' | 'on' | 'denied' | 'unavailable';

const STORED = 'codex-pool-notifications';
/** While the page is hidden its stream is closed, and the program is asked this often. */
const HIDDEN_INTERVAL_MS = 60_000;

const state = signal<NotificationState>(initialState());
export const notificationState: ReadonlySignal<NotificationState> = state;

let told: Told | null = null;

/** Watches the pool for as long as the page is open, on every view. */
export function startNotifications(): void {
  effect(() => {
    const summary = live.summary.value;
    if (summary !== null) look(summary);
  });
  setInterval(() => {
    if (document.hidden && state.peek() === 'on') void lookWhileHidden();
  }, HIDDEN_INTERVAL_MS);
}

/** Asks the person for permission, and switches the notifications on. */
export async function switchOn(): Promise<void> {
  if (state.peek() === 'unavailable') return;
  const permission = await Notification.requestPermission();
  state.value = permission === 'granted' ? 'on' : permission === 'denied' ? 'denied' : 'off';
  store(state.value === 'on');
}

export function switchOff(): void {
  state.value = 'off';
  store(false);
}

async function lookWhileHidden(): Promise<void> {
  const reply = await call<Summary>('/admin/summary');
  if (reply.ok) look(reply.value);
}

function look(summary: Summary): void {
  const fresh = told === null ? [] : notificationsFor(told, summary);
  told = alreadyTold(summary, told);
  if (state.peek() !== 'on') return;
  for (const { title, body, tag } of fresh) {
    const shown = new Notification(title, { body, tag: `codex-pool:${tag}` });
    shown.addEventListener('click', () => focus());
  }
}

function initialState(): NotificationState {
  if (!('Notification' in globalThis)) return 'unavailable';
  if (Notification.permission === 'denied') return 'denied';
  try {
    return localStorage.getItem(STORED) === '1' && Notification.permission === 'granted' ? 'on' : 'off';
  } catch {
    return 'off';
  }
}

function store(isOn: boolean): void {
  try {
    localStorage.setItem(STORED, isOn ? '1' : '0');
  } catch {
    // A browser that keeps nothing: the choice holds until the page is closed.
  }
}
