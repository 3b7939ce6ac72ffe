import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { limits } from '../../config/limits.js';
import { Drain } from '../../runtime/drain.js';

/**
 * Requests that are not turns. A stop does not wait for them as it does for turns: it breaks their event streams off
 * at once, since those may never end, and anything else after `limits.sideStopMs`.
 */
@Injectable()
export class SideRequests {
  private readonly running = new Map<ServerResponse, Disposable>();
  private readonly streaming = new WeakSet<ServerResponse>();

  constructor(private readonly drain: Drain) {
    drain.onStart(() => this.stop());
  }

  /** Counts a request until the returned handle is disposed. */
  enter(res: ServerResponse): Disposable {
    const place = this.drain.enter();
    this.running.set(res, place);
    return {
      [Symbol.dispose]: () => {
        this.running.delete(res);
        place[Symbol.dispose]();
      },
    };
  }

  /** Notes that a response is an event stream from now on. */
  streams(res: ServerResponse): void {
    this.streaming.add(res);
    if (this.drain.isDraining) this.breakOff(res);
  }

  private stop(): void {
    for (const res of this.running.keys()) if (this.streaming.has(res)) this.breakOff(res);
    setTimeout(() => {
      for (const res of this.running.keys()) this.breakOff(res);
    }, limits.sideStopMs).unref();
  }

  /** Ends the wait for it, too: what still runs for it must not hold up the stop. */
  private breakOff(res: ServerResponse): void {
    res.destroy();
    this.running.get(res)?.[Symbol.dispose]();
  }
}
