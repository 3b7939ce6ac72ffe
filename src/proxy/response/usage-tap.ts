import type { TokenCount } from '../../usage/response-usage.js';
import { type EventFailure, failureInEvent } from '../outcome/event-failure.js';
import { SseReader } from '../upstream/sse-reader.js';
import { EventTap } from './event-tap.js';

/** Callbacks of a usage tap. */
export interface TapListener {
  /** Called once with the response id, from the first event, or from the last if the first was not seen. */
  readonly onResponseId: (id: string) => void;
  /** Called when a fault in the tap itself has stopped it. */
  readonly onFault: (error: unknown) => void;
}

/** Reads the token counts of a stream's final event and its response id without touching the stream. Never throws. */
export class UsageTap {
  private isWatching = true;
  private bytes = 0;
  private readonly events: EventTap;
  private readonly reader: SseReader;

  constructor(private readonly listener: TapListener) {
    const events = new EventTap(listener.onResponseId, failureInEvent);
    this.events = events;
    this.reader = new SseReader(
      ({ type, data }) => {
        if (type !== null) events.saw(type, data);
      },
      (type) => type === null || events.wants(type),
    );
  }

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
    return this.events.counted;
  }

  /** Whether an event has come after which the client waits for nothing more. */
  get hasEnded(): boolean {
    return this.events.hasEnded;
  }

  /** The failure that an event reported, unless the response completed afterwards; null if none. */
  get failure(): EventFailure | null {
    return this.events.failure;
  }
}
