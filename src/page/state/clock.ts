import { computed, type ReadonlySignal, signal } from '@preact/signals';

const current = signal(Date.now());
/** A smaller difference between two clocks is the way of a response, or a slow correction. */
const LEAST_JUMP_MS = 2_000;
/** How far the program's clock is ahead of this browser's, ms. */
let aheadMs = 0;

/** The program's time, epoch ms, once a second. Countdowns read it, so that all change together. */
export const now: ReadonlySignal<number> = current;

/** The program's time at the last full minute, for values that need not change each second. */
export const minute = computed(() => current.value - (current.value % 60_000));

/** Takes the program's time from a response. */
export function setClock(programNow: number): void {
  const difference = programNow - Date.now();
  aheadMs = Math.abs(difference) < LEAST_JUMP_MS ? 0 : difference;
  current.value = Date.now() + aheadMs;
}

/** Starts the clock. It rests while the page is hidden. `onJump`: called when this browser's clock has been set. */
export function startClock(onJump: () => void): void {
  let before = aheadOfUptime();
  setInterval(() => {
    const ahead = aheadOfUptime();
    if (Math.abs(ahead - before) >= LEAST_JUMP_MS) onJump();
    before = ahead;
    tick();
  }, 1_000);
  document.addEventListener('visibilitychange', tick);
}

/** How far the clock is ahead of the time since the page was opened, ms. It changes when the clock is set, and by sleep. */
function aheadOfUptime(): number {
  return Date.now() - performance.now();
}

function tick(): void {
  if (!document.hidden) current.value = Date.now() + aheadMs;
}
