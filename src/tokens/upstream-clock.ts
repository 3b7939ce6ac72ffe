import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { SuspendDetector } from '../runtime/suspend-detector.js';

/**
 * The time by upstream's clock, which says when a token ends. It is this machine's time until an answer of upstream
 * shows that this machine's clock is wrong: else a wrong clock would make every token look ended, new ones too.
 */
@Injectable()
export class UpstreamClock {
  private readonly logger = new Logger(UpstreamClock.name);
  private skewMs = 0;

  constructor(
    @Inject(CLOCK) private readonly clock: Clock,
    sleep: SuspendDetector,
  ) {
    sleep.onWake(() => (this.skewMs = 0)); // perhaps the clock was put right
  }

  /** This machine's own time, epoch ms. */
  localNow(): number {
    return this.clock.now();
  }

  /** Epoch ms. */
  now(): number {
    return this.clock.now() + this.skewMs;
  }

  /**
   * Called as something is asked of upstream; what it returns takes the `date` header of the answer (RFC 9110, 6.6.1).
   * Anything but a date tells nothing, nor does an answer that took long by this machine's clock: it may have been
   * set meanwhile.
   */
  asking(): (date: string | string[] | undefined) => void {
    const askedAt = this.clock.now();
    return (date) => {
      const at = typeof date === 'string' ? Date.parse(date) : Number.NaN;
      const now = this.clock.now();
      if (!Number.isNaN(at) && Math.abs(now - askedAt) < limits.clockSkewMs) this.observe(at - now);
    };
  }

  private observe(skewMs: number): void {
    const isWrong = Math.abs(skewMs) > limits.clockSkewMs;
    if (isWrong && this.skewMs === 0)
      this.logger.warn("this machine's clock differs from upstream's, tokens are judged by the latter", {
        seconds: Math.round(skewMs / 1_000),
      });
    this.skewMs = isWrong ? skewMs : 0;
  }
}
