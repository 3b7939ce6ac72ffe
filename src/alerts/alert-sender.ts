import { Injectable, Logger } from '@nestjs/common';
import { limits } from '../config/limits.js';
import { OutboundHttpClient } from '../egress/http-client.js';
import { backoffMs } from '../runtime/backoff.js';
import { describeError } from '../runtime/pool-error.js';
import type { Alert } from './alert.js';
import { NotifyAddress } from './notify-address.js';

interface Queued {
  readonly alert: Alert;
  tries: number;
  /** Ticks until the next try. (Not a time: the clock may jump.) */
  ticksLeft: number;
}

/** Posts alerts, one at a time, in order. Tries again a few times; then drops the alert. Never rejects. */
@Injectable()
export class AlertSender {
  private readonly logger = new Logger(AlertSender.name);
  private readonly queue: Queued[] = [];
  private isSending = false;
  /** Whether the failures since the last success have been logged. */
  private isFailing = false;

  constructor(
    private readonly http: OutboundHttpClient,
    private readonly address: NotifyAddress,
  ) {}

  /** Queues an alert; it is sent on the next tick. */
  enqueue(alert: Alert): void {
    if (this.queue.length >= limits.queuedAlerts) {
      this.queue.shift();
      this.failed('too many alerts wait; the oldest is dropped');
    }
    this.queue.push({ alert, tries: 0, ticksLeft: 0 });
  }

  /** Drops all alerts that wait. */
  clear(): void {
    this.queue.length = 0;
  }

  /** Sends what is due; called at regular intervals. */
  async tick(): Promise<void> {
    const [first] = this.queue;
    if (first === undefined || this.isSending) return;
    if (first.ticksLeft > 0) return void (first.ticksLeft -= 1);
    this.isSending = true;
    try {
      for (let next: Queued | undefined = first; next !== undefined; [next] = this.queue) {
        if (!(await this.deliver(next))) return;
      }
    } finally {
      this.isSending = false;
    }
  }

  /** Returns whether the alert was delivered. */
  private async deliver(queued: Queued): Promise<boolean> {
    const why = await this.post(queued.alert);
    if (why === null) {
      this.remove(queued);
      if (this.isFailing) this.logger.log('alerts are delivered again');
      this.isFailing = false;
      return true;
    }
    queued.tries += 1;
    queued.ticksLeft = backoffMs(queued.tries, {
      firstMs: limits.alertRetryFirstTicks,
      maxMs: limits.alertRetryMaxTicks,
    });
    if (queued.tries >= limits.alertTries) this.remove(queued);
    this.failed(why);
    return false;
  }

  /** The queue may have changed while the alert was sent. */
  private remove(queued: Queued): void {
    const index = this.queue.indexOf(queued);
    if (index >= 0) this.queue.splice(index, 1);
  }

  /** Logs the first failure since the last success. The path of the address may be a secret. */
  private failed(reason: string): void {
    if (this.isFailing) return;
    this.isFailing = true;
    const to = this.address.current?.origin ?? null;
    this.logger.warn('an alert could not be delivered; further failures are not logged', { to, reason });
  }

  /** Returns null if the receiver has accepted it, else the reason. */
  private async post(alert: Alert): Promise<string | null> {
    const url = this.address.current;
    if (url === null) return null; // switched off meanwhile
    try {
      const { status } = await this.http.call({
        method: 'POST',
        url,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(alert),
        timeoutMs: limits.alertTimeoutMs,
      });
      return status >= 200 && status < 300 ? null : `status ${status}`;
    } catch (error) {
      return describeError(error);
    }
  }
}
