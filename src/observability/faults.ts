import { Injectable, Logger } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { metricNames } from './metrics.js';
import { describeError } from '../runtime/pool-error.js';

/** Where a fault was stopped: the closed set of the label `where`. */
export const faultPlaces = [
  /** The last resort: anything of a client's connection that nothing nearer has caught. */
  'connection',
  /** A proxied request. */
  'request',
  /** The opening of a WebSocket. */
  'upgrade',
  /** An open WebSocket. */
  'websocket',
  /** The look at a stream from the side; the stream goes on. */
  'tap',
  /** An operator's route. */
  'operator',
  /** The listener that the browser of a login comes back to. */
  'callback',
  /** Outside any connection: the program stops. */
  'process',
] as const;

export type FaultPlace = (typeof faultPlaces)[number];

/** What `/healthz` shows of the faults since the start. */
export interface FaultCount {
  readonly total: number;
  /** Epoch ms of the latest; null without one. */
  readonly lastAt: number | null;
}

/** Every fault of ours, once: in the log with its stack (and so in the recent errors), and in the metric. */
@Injectable()
export class Faults {
  private readonly logger = new Logger(Faults.name);
  private total = 0;
  private lastAt: number | null = null;

  constructor(@InjectMetric(metricNames.faults) private readonly counter: Counter<'where'>) {
    for (const where of faultPlaces) counter.inc({ where }, 0);
  }

  get count(): FaultCount {
    return { total: this.total, lastAt: this.lastAt };
  }

  /** Never throws, whatever was thrown. `fields` go into the log line. */
  note(where: FaultPlace, thrown: unknown, fields: Readonly<Record<string, unknown>> = {}): void {
    const error = thrown instanceof Error ? thrown : notAnError(thrown);
    this.total += 1;
    this.lastAt = Date.now();
    this.counter.inc({ where });
    this.logger.error(
      'fault inside the proxy',
      { where, ...fields, reason: describeError(error) },
      error.stack,
    );
  }
}

/** Anything can be thrown, also what cannot be turned into text. */
function notAnError(thrown: unknown): Error {
  return new Error(typeof thrown === 'string' ? thrown : `a thrown ${typeof thrown}`);
}
