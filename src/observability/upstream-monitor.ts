import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { AccountRegistry } from '../accounts/account-registry.js';
import { told } from './upstream-trouble.js';
import {
  nothingWrong,
  seen,
  troublesIn,
  type UpstreamEvent,
  type UpstreamTrouble,
  type UpstreamState,
} from './upstream-health.js';

/** Looks at upstream over all accounts, so that none is blamed for what they all meet. */
@Injectable()
export class UpstreamMonitor {
  private readonly logger = new Logger(UpstreamMonitor.name);
  private view: UpstreamState = nothingWrong;

  constructor(
    private readonly registry: AccountRegistry,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Takes note of how an attempt or a poll has ended. */
  note(event: UpstreamEvent): void {
    const next = seen(this.view, event);
    if (next === this.view) return;
    const [before] = this.troubles();
    this.view = next;
    const [now] = this.troubles();
    if (before?.kind === now?.kind) return;
    if (now !== undefined) this.logger.warn('upstream is in trouble', { kind: now.kind, why: told(now) });
    else this.logger.log('upstream is well again', { was: before?.kind });
  }

  /** What is wrong with upstream now, what hides the others first; none is well. */
  troubles(): readonly UpstreamTrouble[] {
    return this.view === nothingWrong ? [] : troublesIn(this.view, this.accountsThere());
  }

  /** What is to be told of it, in one sentence; null when nothing is wrong. */
  warning(): string | null {
    const [trouble] = this.troubles();
    return trouble === undefined ? null : told(trouble);
  }

  /** Whether errors of upstream say nothing about the account that met them; with a single account nobody can tell. */
  isFailingForAll(): boolean {
    return (this.view.failing?.accounts.size ?? 0) > 1;
  }

  /** Those that turns could go to, if nothing but time stands against them. */
  private accountsThere(): number {
    const now = this.clock.now();
    return this.registry.list().filter((it) => {
      const isOut = it.settings.isPaused || it.needsLogin(now) || it.evidence.deactivated !== null;
      return it.withdrawal === null && !isOut;
    }).length;
  }
}
