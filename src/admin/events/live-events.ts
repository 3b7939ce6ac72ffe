import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { limits } from '../../config/limits.js';
import { Faults } from '../../observability/faults.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { Drain } from '../../runtime/drain.js';
import { EventHistory } from './event-history.js';
import { EventListener } from './event-listener.js';
import { comment, eventBytes } from './event-text.js';
import { deltaOf, type LiveView } from './live-view.js';
import { LiveViews } from './live-views.js';

/**
 * Sends each listener the whole view, then its changes, at most four times a second; all get the same bytes. Works only
 * while there is a listener. The ids of events are `<run>-<number>`; `run` is another one after each start.
 */
@Injectable()
export class LiveEvents {
  private readonly run = randomBytes(6).toString('base64url').replaceAll('-', '_');
  private readonly listeners = new Set<EventListener>();
  private readonly history = new EventHistory();
  private ticking: Disposable | null = null;
  private forgetting: NodeJS.Timeout | null = null;
  private ticks = 0;
  /** The view after the newest event; null if it was forgotten. */
  private view: LiveView | null = null;
  /** The snapshot of that view as an event; null until it is asked for. */
  private snapshot: Buffer | null = null;
  /** The version of the sources that the view was built from. */
  private version = -1;

  constructor(
    private readonly views: LiveViews,
    private readonly faults: Faults,
    @Inject(CLOCK) private readonly clock: Clock,
    drain: Drain,
  ) {
    drain.onStart(() => this.endAll('stopping'));
  }

  get isFull(): boolean {
    return this.listeners.size >= limits.eventListeners;
  }

  /** Adds a listener. `lastId`: the id of the last event that it has, if it was connected before. */
  add(res: ServerResponse, lastId: string | null): void {
    if (res.closed) return;
    if (this.listeners.size === 0) this.resume();
    const missed = lastId === null ? null : this.missedAfter(lastId);
    const listener = new EventListener(res, (it) => this.left(it));
    this.listeners.add(listener);
    for (const event of missed ?? [this.currentSnapshot()]) listener.send(event);
    this.ticking ??= this.clock.every?.(limits.eventTickMs, () => this.tick()) ?? null;
  }

  private resume(): void {
    if (this.forgetting !== null) clearTimeout(this.forgetting);
    this.forgetting = null;
    this.update();
  }

  private tick(): void {
    try {
      for (const it of this.listeners) it.check(); // before more is sent
      this.ticks += 1;
      const isSlowTick = this.ticks % limits.eventSlowTicks === 0;
      if (isSlowTick || this.views.version !== this.version) this.update();
      if (this.ticks % limits.eventCommentTicks === 0) this.broadcast(comment);
    } catch (error) {
      this.faults.note('operator', error);
      this.endAll('fault');
    }
  }

  /** Builds the view, and sends what has changed. */
  private update(): void {
    const before = this.view;
    this.version = this.views.version;
    this.view = this.views.build(before);
    this.snapshot = null;
    if (before === null) return;
    const delta = deltaOf(before, this.view);
    if (delta === null) return;
    const event = eventBytes('delta', delta, this.idOf(this.history.last + 1));
    this.history.add(event);
    this.broadcast(event);
  }

  private broadcast(bytes: Buffer): void {
    for (const it of this.listeners) it.send(bytes);
  }

  private currentSnapshot(): Buffer {
    this.view ??= this.views.build(null);
    this.snapshot ??= eventBytes('snapshot', this.view, this.idOf(this.history.last));
    return this.snapshot;
  }

  private idOf(number: number): string {
    return `${this.run}-${number}`;
  }

  /** Returns the events after an id; null if they are not known. */
  private missedAfter(id: string): readonly Buffer[] | null {
    const [run, number = ''] = id.split('-');
    return run === this.run && /^\d{1,15}$/.test(number) ? this.history.after(Number(number)) : null;
  }

  private left(listener: EventListener): void {
    if (!this.listeners.delete(listener) || this.listeners.size > 0) return;
    this.ticking?.[Symbol.dispose]();
    this.ticking = null;
    this.forgetting ??= setTimeout(() => this.forget(), limits.eventsKeptMs).unref();
  }

  private forget(): void {
    this.forgetting = null;
    this.view = null;
    this.snapshot = null;
    this.history.clear();
  }

  private endAll(reason: 'stopping' | 'fault'): void {
    for (const it of this.listeners) it.drop(reason);
  }
}
