import { limits } from '../../config/limits.js';

/** The attempts of one request: so many, and none after a while. */
export class AttemptBudget {
  spent = 0;
  private readonly beganAt = performance.now();

  /** How many of `most` are left; none once the request has taken too long. */
  left(most: number): number {
    return performance.now() - this.beganAt >= limits.attemptsMs ? 0 : most - this.spent;
  }
}
