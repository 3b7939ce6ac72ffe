import { limits } from '../../config/limits.js';

/** Combines a burst of changes. Calls `onEnd` once they stop, or after the longest wait. */
export class Debounce implements Disposable {
  private timer: NodeJS.Timeout | null = null;
  private startedAt = 0;

  constructor(private readonly onEnd: () => void) {}

  add(): void {
    const now = performance.now();
    if (this.timer === null) this.startedAt = now;
    else clearTimeout(this.timer);
    const left = this.startedAt + limits.folderQuietAtMostMs - now;
    this.timer = setTimeout(
      () => {
        this.timer = null;
        this.onEnd();
      },
      Math.max(0, Math.min(limits.folderQuietMs, left)),
    );
  }

  [Symbol.dispose](): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }
}
