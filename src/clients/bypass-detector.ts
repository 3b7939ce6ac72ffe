import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';

/** What came from clients since the start. Times are epoch ms. */
export interface ClientActivity {
  readonly modelRequests: number;
  readonly firstModelsAt: number;
  readonly lastModelsAt: number;
  readonly hasTurnCome: boolean;
}

const WARNING =
  'Models are asked for, but no turn has come since the start: Codex may send them past this proxy. ' +
  'Likely cause, in its config.toml: a provider with the name "OpenAI" and a base_url that ends in /backend-api/codex; ' +
  'take another name, and a base_url that ends in /v1.';

/** Whether clients have asked for models often and long enough for a turn to be missed (docs/protocol.md, bypass). */
export function looksBypassed(seen: ClientActivity): boolean {
  return (
    !seen.hasTurnCome &&
    seen.modelRequests >= limits.bypassModelRequests &&
    seen.lastModelsAt - seen.firstModelsAt >= limits.bypassMs
  );
}

/** Notices clients whose turns go past the proxy without a word. A first turn ends it. */
@Injectable()
export class BypassDetector {
  private readonly logger = new Logger(BypassDetector.name);
  private seen: ClientActivity | null = null;
  private hasTurnCome = false;
  private hasWarned = false;

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  modelsRequested(): void {
    if (this.hasTurnCome) return;
    const now = this.clock.now();
    this.seen = {
      modelRequests: (this.seen?.modelRequests ?? 0) + 1,
      firstModelsAt: this.seen?.firstModelsAt ?? now,
      lastModelsAt: now,
      hasTurnCome: false,
    };
    const warning = this.warning();
    if (warning === null || this.hasWarned) return;
    this.hasWarned = true;
    this.logger.warn('turns seem to go past the proxy', { why: warning });
  }

  turnArrived(): void {
    this.hasTurnCome = true;
    this.seen = null;
  }

  /** What to tell the operator; null as long as nothing looks wrong. */
  warning(): string | null {
    return this.seen !== null && looksBypassed(this.seen) ? WARNING : null;
  }
}
