import type { ServerResponse } from 'node:http';
import type { Dropped } from '../../api/events.js';
import { limits } from '../../config/limits.js';
import { eventBytes } from './event-text.js';

const head = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
  connection: 'close', // nothing else can follow on this connection
} as const;

/** A client that reads the event stream. What waits for it is bounded; a client that does not read is dropped. */
export class EventListener {
  private stalledTicks = 0;

  constructor(
    private readonly res: ServerResponse,
    private readonly onGone: (listener: EventListener) => void,
  ) {
    res.on('error', () => undefined); // `close` follows
    res.once('close', () => onGone(this));
    res.writeHead(200, head);
    res.flushHeaders();
  }

  /** Sends an event or a comment; drops the listener instead if too much of the earlier ones is unsent. */
  send(bytes: Buffer): void {
    if (this.res.writableLength > limits.eventBacklogBytes) this.drop('too-slow');
    else this.res.write(bytes);
  }

  /** Called on each tick: drops a listener that has read nothing for too long. */
  check(): void {
    this.stalledTicks = this.res.writableNeedDrain ? this.stalledTicks + 1 : 0;
    if (this.stalledTicks > limits.eventStalledTicks) this.drop('too-slow');
  }

  /** Ends the stream. Its last event says why, if the client reads it soon. */
  drop(reason: Dropped['reason']): void {
    this.onGone(this);
    const { res } = this;
    res.end(eventBytes('dropped', { reason }));
    const timer = setTimeout(() => res.destroy(), limits.eventLingerMs).unref();
    res.once('close', () => clearTimeout(timer));
  }
}
