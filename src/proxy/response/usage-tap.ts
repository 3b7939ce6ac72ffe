import { finalEvents, type TokenCount, usageFromFinalEvent } from '../../usage/response-usage.js';
import type { ErrorEnvelope } from '../upstream/error-envelope.js';
import { failureEvents, failureIn } from '../upstream/event-failure.js';
import { responseIdIn } from './response-id.js';
import { SseReader } from '../upstream/sse-reader.js';

/** What a tap tells when it sees it. */
export interface TapListener {
  /** The id of the response: once, from its first event, or from its last where the first was not seen. */
  readonly onResponseId: (id: string) => void;
  /** The watching has ended by a fault of ours. */
  readonly onFault: (error: unknown) => void;
}

/** Looks at a stream from the side: the token counts of its final event, the id of its response. Never throws. */
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
      (type === 'response.created' && !this.isNamed),
  );

  constructor(private readonly listener: TapListener) {}

  /** Called after the bytes have gone on. A fault of ours ends the watching, not the stream. */
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

  /** Length of what has passed. */
  get length(): number {
    return this.bytes;
  }

  /** What the final event told; null when there was none, or it told none. */
  get counted(): TokenCount | null {
    return this.tokens;
  }

  /** The error of a failure event, unless the response completed all the same; null without one. */
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
    if (this.isNamed || (!isFinal && type !== 'response.created')) return;
    const id = responseIdIn(data);
    if (id === null) return;
    this.isNamed = true;
    this.listener.onResponseId(id);
  }
}
