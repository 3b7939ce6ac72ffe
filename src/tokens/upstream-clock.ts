import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { SuspendDetector } from '../runtime/suspend-detector.js';

/**
 * The time by upstream's clock, which decides when a token expires. Equals this machine's time until an upstream
 * response shows that this machine's clock is wrong. Otherwise a wrong clock would make all tokens look expired, even
 * new ones.
 */
@Injectable()
export class UpstreamClock {
  private readonly logger = new Logger(UpstreamClock.name);
  private skewMs = 0;

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    suspends: SuspendDetector,
  ) {
    suspends.onWake(() => (this.skewMs = 0)); // the clock may have been corrected
  }

  /** This machine's time, epoch ms. */
  localNow(): number {
    return this.clock.now();
  }

  /** Epoch ms. */
  now(): number {
    return this.clock.now() + this.skewMs;
  }

  /**
   * Call it when a request is sent upstream; the returned function takes the `date` header of the response (RFC 9110,
   * 6.6.1). Ignores values that are not dates, and slow responses, because this machine's clock may have been set
   * meanwhile.
   */
  asking(): (date: string | string[] | undefined) => void {
    const sentAt = this.clock.now();
    return (date) => {
      const at = typeof date === 'string' ? Date.parse(date) : Number.NaN;
      const now = this.clock.now();
      if (!Number.isNaN(at) && Math.abs(now - sentAt) < limits.clockSkewMs) this.observe(at - now);
    };
  }

  private observe(skewMs: number): void {
    const isWrong = Math.abs(skewMs) > limits.clockSkewMs;
    if (isWrong && this.skewMs === 0)
      this.logger.warn("this machine's clock differs from upstream's; using upstream's for tokens", {
        seconds: Math.round(skewMs / 1_000),
      });
    this.skewMs = isWrong ? skewMs : 0;
  }
}
