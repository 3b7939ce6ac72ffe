import { Injectable, Logger } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { metricNames } from './metrics.js';
import { describeError } from '../runtime/pool-error.js';

/** Where a fault was caught: the closed set of the label `where`. */
export const faultPlaces = [
  /** A client's connection: the last resort, if nothing nearer caught the fault. */
  'connection',
  /** A proxied request. */
  'request',
  /** The opening of a WebSocket. */
  'upgrade',
  /** An open WebSocket. */
  'websocket',
  /** The tap that reads a stream; the stream goes on. */
  'tap',
  /** An operator route. */
  'operator',
  /** The listener for the browser's callback of a login. */
  'callback',
  /** Outside any connection: the program stops. */
  'process',
] as const;

export type FaultPlace = (typeof faultPlaces)[number];

/** The faults since startup, as `/healthz` shows them. */
export interface FaultCount {
  readonly total: number;
  /** Epoch ms of the latest fault; null if none. */
  readonly lastAt: number | null;
}

/** Reports each internal fault once: in the log with its stack (and thus in the recent errors), and in the metric. */
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

  /** Reports a thrown value. Never throws. `fields` go into the log line. */
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

/** Wraps a thrown value that is not an error, and that may not convert to text. */
function notAnError(thrown: unknown): Error {
  return new Error(typeof thrown === 'string' ? thrown : `a thrown ${typeof thrown}`);
}
