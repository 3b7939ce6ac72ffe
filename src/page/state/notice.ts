import { signal } from '@preact/signals';

/** The result of the last action, shown at the foot of the page and read out; null: none. */
export const notice = signal<{ readonly text: string; readonly isFailure: boolean } | null>(null);

let timer: ReturnType<typeof setTimeout> | undefined;

/** Says what an action did. It stays for 8 s; a failure stays until the next one or until it is closed. */
export function say(text: string, isFailure = false): void {
  clearTimeout(timer);
  notice.value = { text, isFailure };
  if (!isFailure) timer = setTimeout(() => (notice.value = null), 8_000);
}
