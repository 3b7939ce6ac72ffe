import type { TokenCount } from '../../usage/sums/token-columns.js';
import { type EventFailure, failureInEvent } from '../outcome/event-failure.js';
import { codeOf, EventFinder } from '../event-stream/event-finder.js';
import { CREATED_EVENT, endEvents, finalEvents } from '../outcome/response-events.js';
import { EventTap } from './event-tap.js';
import { JsonTap } from './json-tap.js';

/** The types of the events that the tap reads. */
const relevant = new Set(
  [CREATED_EVENT, ...endEvents, ...finalEvents].filter((it) => it.startsWith('response.')).map(codeOf),
);

/** Callbacks of a usage tap. */
export interface TapListener {
  /** Called once with the response id, from the first event, or from the last if the first was not seen. */
  readonly onResponseId: (id: string) => void;
  /** Called when a fault in the tap itself has stopped it. */
  readonly onFault: (error: unknown) => void;
}

/**
 * Reads the token counts of a turn's response and its response id without touching the response: from the events of a
 * stream, or from a JSON body. Never throws.
 */
export class UsageTap {
  private isWatching = true;
  private bytes = 0;
  private readonly events: EventTap;
  private readonly finder: EventFinder;
  private readonly json: JsonTap | null;

  constructor(
    private readonly listener: TapListener,
    isEventStream: boolean = true,
  ) {
    this.json = isEventStream ? null : new JsonTap(listener.onResponseId);
    const events = new EventTap(listener.onResponseId, failureInEvent);
    this.events = events;
    this.finder = new EventFinder(
      ({ type, data }) => {
        if (type !== null) events.saw(type, data);
      },
      (type) => type === null || events.wants(type),
      relevant,
    );
  }

  /** Takes bytes that were already relayed. A fault in the tap ends the tap, not the stream. */
  observe(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (!this.isWatching) return;
    try {
      (this.json ?? this.finder).push(chunk);
    } catch (error) {
      this.isWatching = false;
      this.listener.onFault(error);
    }
  }

  /** Bytes seen so far. */
  get length(): number {
    return this.bytes;
  }

  /** Token counts of the final event, or of the JSON body; null if none came. */
  get counted(): TokenCount | null {
    return this.json === null ? this.events.counted : this.json.counted;
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
