import { limits } from '../../config/limits.js';

/** The newest events, for listeners that come back; bounded by count and by bytes. Events are numbered from 1. */
export class EventHistory {
  private events: Buffer[] = [];
  private bytes = 0;
  private newest = 0;

  /** The number of the newest event; 0 before the first. */
  get last(): number {
    return this.newest;
  }

  /** Adds the event with the number `last + 1`; drops the oldest ones beyond the bounds. */
  add(event: Buffer): void {
    this.newest += 1;
    this.events.push(event);
    this.bytes += event.length;
    while (this.events.length > limits.eventsKept || this.bytes > limits.eventsKeptBytes) {
      this.bytes -= this.events.shift()?.length ?? 0;
    }
  }

  /** Returns the events after one; null if some of them are no longer here, or if there was no such event. */
  after(number: number): readonly Buffer[] | null {
    const missed = this.newest - number;
    if (!Number.isInteger(missed) || missed < 0 || missed > this.events.length) return null;
    return missed === 0 ? [] : this.events.slice(-missed);
  }

  /** Drops all events, and leaves out a number: later changes are not known as events after the last one. */
  clear(): void {
    this.newest += 1;
    this.events = [];
    this.bytes = 0;
  }
}
