import { finalEvents, type TokenCount, usageFromFinalEvent } from '../usage/response-usage.js';
import { SseReader } from './sse-events.js';

/** Looks at a stream from the side and keeps the token counts of its final event. Never throws. */
export class UsageTap {
  private tokens: TokenCount | null = null;
  private isWatching = true;
  private bytes = 0;
  private readonly reader = new SseReader(
    ({ type, data }) => {
      if (type === null || !finalEvents.has(type)) return;
      if (data !== null) this.tokens = usageFromFinalEvent(data) ?? this.tokens;
    },
    (type) => type === null || finalEvents.has(type),
  );

  constructor(private readonly onFault: (error: unknown) => void) {}

  /** Called after the bytes have gone on. A fault of ours ends the watching, not the stream. */
  observe(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (!this.isWatching) return;
    try {
      this.reader.push(chunk);
    } catch (error) {
      this.isWatching = false;
      this.onFault(error);
    }
  }

  /** Length of what has passed. */
  get length(): number {
    return this.bytes;
  }

  /** What the final event told; null when there was none, or it told none. */
  get counted(): TokenCount | null {
    return this.tokens;
  }
}
