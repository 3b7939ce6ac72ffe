import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';

/** Requests from clients since startup. Times are epoch ms. */
export interface ClientActivity {
  readonly modelRequests: number;
  readonly firstModelsAt: number;
  readonly lastModelsAt: number;
  readonly hasTurnArrived: boolean;
}

const WARNING =
  'Clients request models, but no turn has arrived since startup: Codex may be bypassing this proxy. ' +
  'Likely cause: its config.toml has a provider with the name "OpenAI" and a base_url that ends in /backend-api/codex. ' +
  'Use another name, and a base_url that ends in /v1.';

/** Returns whether clients have requested models so often and for so long that a turn is overdue (docs/protocol.md, bypass). */
export function looksBypassed(seen: ClientActivity): boolean {
  return (
    !seen.hasTurnArrived &&
    seen.modelRequests >= limits.bypassModelRequests &&
    seen.lastModelsAt - seen.firstModelsAt >= limits.bypassMs
  );
}

/** Detects clients whose turns bypass the proxy. The first turn clears the warning. */
@Injectable()
export class BypassDetector {
  private readonly logger = new Logger(BypassDetector.name);
  private seen: ClientActivity | null = null;
  private hasTurnArrived = false;
  private hasWarned = false;

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  modelsRequested(): void {
    if (this.hasTurnArrived) return;
    const now = this.clock.now();
    this.seen = {
      modelRequests: (this.seen?.modelRequests ?? 0) + 1,
      firstModelsAt: this.seen?.firstModelsAt ?? now,
      lastModelsAt: now,
      hasTurnArrived: false,
    };
    const warning = this.warning();
    if (warning === null || this.hasWarned) return;
    this.hasWarned = true;
    this.logger.warn('turns seem to bypass the proxy', { why: warning });
  }

  turnArrived(): void {
    this.hasTurnArrived = true;
    this.seen = null;
  }

  /** Returns the warning for the operator; null if nothing looks wrong. */
  warning(): string | null {
    return this.seen !== null && looksBypassed(this.seen) ? WARNING : null;
  }
}
