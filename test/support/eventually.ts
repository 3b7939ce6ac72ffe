import { setTimeout as pause } from 'node:timers/promises';

const LOOK_AGAIN_MS = 20;

/** Retries until the function no longer throws; fails with the last error at the deadline. */
export async function eventually(fault: () => Promise<string | null>, limitMs: number): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await fault();
    if (found === null) return;
    if (performance.now() > deadline) throw new Error(`timed out after ${limitMs} ms: ${found}`);
    await pause(LOOK_AGAIN_MS);
  }
}
