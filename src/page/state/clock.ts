import { computed, type ReadonlySignal, signal } from '@preact/signals';

const current = signal(Date.now());
/** How far the program's clock is ahead of this browser's, ms. */
let aheadMs = 0;

/** The program's time, epoch ms, once a second. Countdowns read it, so that all change together. */
export const now: ReadonlySignal<number> = current;

/** The program's time at the last full minute, for values that need not change each second. */
export const minute = computed(() => current.value - (current.value % 60_000));

/** Takes the program's time from a response. Differences below 2 s are the way of the response. */
export function setClock(programNow: number): void {
  const difference = programNow - Date.now();
  aheadMs = Math.abs(difference) < 2_000 ? 0 : difference;
  current.value = Date.now() + aheadMs;
}

/** Starts the clock. It rests while the page is hidden. */
export function startClock(): void {
  setInterval(tick, 1_000);
  document.addEventListener('visibilitychange', tick);
}

function tick(): void {
  if (!document.hidden) current.value = Date.now() + aheadMs;
}
