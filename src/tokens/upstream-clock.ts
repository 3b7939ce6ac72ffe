import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { SuspendDetector } from '../runtime/suspend-detector.js';
import { type ClockRun, extended, isConclusive } from './clock-run.js';
import { leewayOf, type LifetimeFacts, tokenEndsAt } from './token-lifetime.js';

/** Takes the head of the response to a request. */
export type DateObserver = (headers: Readonly<Record<string, string | string[] | undefined>>) => void;

/**
 * This machine's clock, and how far upstream's is ahead of it. Several answers that agree show a difference; the
 * expiry of tokens from files is then judged by upstream's clock.
 */
@Injectable()
export class UpstreamClock {
  private readonly logger = new Logger(UpstreamClock.name);
  private skewMs = 0;
  private run: ClockRun | null = null;

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    suspends: SuspendDetector,
  ) {
    suspends.onWake(() => {
      // This machine's clock may have been corrected.
      this.skewMs = 0;
      this.run = null;
    });
  }

  /** This machine's time, epoch ms. */
  localNow(): number {
    return this.clock.now();
  }

  /** Returns when an access token ends, by this machine's clock (epoch ms); null if unknown. */
  endOf(facts: LifetimeFacts): number | null {
    return tokenEndsAt(facts, this.skewMs);
  }

  /** Returns whether an access token seems to have ended. An estimate is not enough. */
  hasEnded(facts: LifetimeFacts): boolean {
    return !facts.credential.isExpiryEstimated && this.endsWithin(facts, 0);
  }

  /** Returns whether an access token seems to end within `ms`. */
  endsWithin(facts: LifetimeFacts, ms: number): boolean {
    const endsAt = this.endOf(facts);
    return endsAt !== null && endsAt - this.clock.now() <= ms;
  }

  /** Returns whether an access token is to be refreshed ahead of its end: `ms` before, or later if it is short-lived. */
  isDue(facts: LifetimeFacts, ms: number): boolean {
    const endsAt = this.endOf(facts);
    return endsAt !== null && endsAt - this.clock.now() <= leewayOf(facts, endsAt, ms);
  }

  /**
   * Call it when a request is sent; the returned function takes the head of a successful response, for its `date`
   * (RFC 9110, 6.6.1). Ignores stored responses, whose `date` is old, and slow ones, because this machine's clock may
   * have been set meanwhile.
   */
  asking(): DateObserver {
    const sentAt = this.clock.now();
    return ({ date, age }) => {
      const dateAt = typeof date === 'string' && age === undefined ? Date.parse(date) : Number.NaN;
      const at = this.clock.now();
      if (!Number.isNaN(dateAt) && Math.abs(at - sentAt) < limits.clockSkewMs) this.observe(dateAt - at, at);
    };
  }

  private observe(skewMs: number, at: number): void {
    this.run = extended(this.run, { skewMs, at });
    if (!isConclusive(this.run, at)) return;
    const isWrong = Math.abs(skewMs) > limits.clockSkewMs;
    if (isWrong && this.skewMs === 0)
      this.logger.warn("this machine's clock differs from upstream's; using upstream's for tokens in files", {
        seconds: Math.round(skewMs / 1_000),
      });
    this.skewMs = isWrong ? skewMs : 0;
  }
}
