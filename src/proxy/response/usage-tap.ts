import { type TokenCount, usageFromFinalEvent } from '../../usage/response-usage.js';
import type { ErrorEnvelope } from '../upstream/error-envelope.js';
import { failureIn } from '../upstream/event-failure.js';
import { CREATED_EVENT, failureEvents, finalEvents } from '../upstream/response-events.js';
import { responseIdIn } from './response-id.js';
import { SseReader } from '../upstream/sse-reader.js';

/** Callbacks of a usage tap. */
export interface TapListener {
  /** Called once with the response id, from the first event, or from the last if the first was not seen. */
  readonly onResponseId: (id: string) => void;
  /** Called when a fault in the tap itself has stopped it. */
  readonly onFault: (error: unknown) => void;
}

/** Reads the token counts of a stream's final event and its response id without touching the stream. Never throws. */
export class UsageTap {
  private tokens: TokenCount | null = null;
  private failed: ErrorEnvelope | null = null;
  private isNamed = false;
  private isWatching = true;
  private bytes = 0;
  private readonly reader = new SseReader(
    ({ type, data }) => this.saw(type, data),
    (type) =>
      type === null ||
      finalEvents.has(type) ||
      failureEvents.has(type) ||
      (type === CREATED_EVENT && !this.isNamed),
  );

  constructor(private readonly listener: TapListener) {}

  /** Takes bytes that were already relayed. A fault in the tap ends the tap, not the stream. */
  observe(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (!this.isWatching) return;
    try {
      this.reader.push(chunk);
    } catch (error) {
      this.isWatching = false;
      this.listener.onFault(error);
    }
  }

  /** Bytes seen so far. */
  get length(): number {
    return this.bytes;
  }

  /** Token counts of the final event; null if no final event came or it had none. */
  get counted(): TokenCount | null {
    return this.tokens;
  }

  /** The error of a failure event, unless the response completed afterwards; null if none. */
  get failure(): ErrorEnvelope | null {
    return this.failed;
  }

  private saw(type: string | null, data: string | null): void {
    if (type === null) return;
    const isFinal = finalEvents.has(type);
    if (failureEvents.has(type)) this.failed ??= failureIn(data);
    else if (isFinal) this.failed = null;
    if (data === null) return;
    if (isFinal) this.tokens = usageFromFinalEvent(data) ?? this.tokens;
    if (this.isNamed || (!isFinal && type !== CREATED_EVENT)) return;
    const id = responseIdIn(data);
    if (id === null) return;
    this.isNamed = true;
    this.listener.onResponseId(id);
  }
}
