import { Controller, Get, Headers, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Drain } from '../../runtime/drain.js';
import { Problem } from '../problems/problem.js';
import { LiveEvents } from './live-events.js';

/** The event stream of the page. */
@Controller('admin/events')
export class EventsController {
  constructor(
    private readonly events: LiveEvents,
    private readonly drain: Drain,
  ) {}

  /**
   * Server-sent events: a `snapshot`, then a `delta` for each change. With the `Last-Event-ID` of this run only the
   * missed deltas, if they are still known. `dropped` is the last event of a listener that reads too slowly, and of all
   * on a stop. 503 with `Retry-After` if there are too many listeners.
   */
  @Get()
  listen(@Req() req: Request, @Res() res: Response, @Headers('last-event-id') lastId?: string): void {
    if (this.drain.isDraining) throw refused(res, 'stopping', 'codex-pool is stopping.');
    if (this.events.isFull)
      throw refused(res, 'too_many_listeners', 'Too many pages are open: close one, or wait.');
    if (req.method === 'HEAD') res.type('text/event-stream').end();
    else this.events.add(res, lastId ?? null);
  }
}

function refused(res: Response, code: string, detail: string): Problem {
  res.set('retry-after', '5');
  return new Problem(503, code, detail);
}
