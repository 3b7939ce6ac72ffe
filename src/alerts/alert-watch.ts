import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { AccountSelector } from '../accounts/selection/account-selector.js';
import { PoolStatusService } from '../accounts/selection/pool-status.js';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { Drain } from '../runtime/drain.js';
import { describeError } from '../runtime/pool-error.js';
import { VERSION } from '../runtime/version.js';
import { type AlertFacts, alertSentence } from '../wording/alert-words.js';
import { withoutAddress } from './alert.js';
import { AlertRules, type PoolCondition } from './alert-rules.js';
import { AlertSender } from './alert-sender.js';
import { NotifyAddress } from './notify-address.js';

/** Looks at the pool once a second, if there is an address for alerts, and sends what its changes call for. */
@Injectable()
export class AlertWatch implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(AlertWatch.name);
  private ticking: Disposable | null = null;
  /** Null without an address: when there is one again, the pool as it is then causes no alert. */
  private rules: AlertRules | null = null;
  private hasFailed = false;

  constructor(
    private readonly selector: AccountSelector,
    private readonly pool: PoolStatusService,
    private readonly sender: AlertSender,
    private readonly address: NotifyAddress,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.tick(); // the baseline
    this.ticking = this.clock.every?.(limits.alertTickMs, () => this.tick()) ?? null;
  }

  onModuleDestroy(): void {
    this.ticking?.[Symbol.dispose]();
  }

  private tick(): void {
    if (this.address.current === null || this.drain.isDraining) {
      this.rules = null;
      this.sender.clear();
      return;
    }
    try {
      this.look();
    } catch (error) {
      if (!this.hasFailed) this.logger.error('alerts cannot be found', { reason: describeError(error) });
      this.hasFailed = true;
    }
    void this.sender.tick();
  }

  private look(): void {
    const now = this.clock.now();
    this.rules ??= new AlertRules(this.config.notifyBelowRatio);
    for (const facts of this.rules.after(this.condition(), now)) {
      this.sender.enqueue({
        event: facts.event,
        at: now,
        account: accountIn(facts),
        sentence: alertSentence(facts, now),
        version: VERSION,
      });
    }
  }

  private condition(): PoolCondition {
    const { decision, candidates: all } = this.selector.preview();
    const candidates = all.filter((it) => it.account.withdrawal === null);
    const ends = candidates.flatMap((it) => it.unavailable?.until ?? []);
    return {
      accounts: candidates.map(({ account, unavailable }) => ({
        id: account.id,
        name: withoutAddress(account.name),
        needsLogin: account.needsLogin || unavailable?.reason === 'needs-login',
        isDeactivated: account.evidence.deactivated !== null,
      })),
      ready: candidates.filter((it) => it.unavailable === null).length,
      isOut: decision === 'none',
      backAt: ends.length === 0 ? null : Math.min(...ends),
      windows: this.pool.status(all).windows.map(({ durationSeconds, usedRatio, resetsAt }) => ({
        durationSeconds,
        leftRatio: Math.max(0, 1 - usedRatio),
        resetsAt,
      })),
    };
  }
}

function accountIn(facts: AlertFacts): string | null {
  return 'account' in facts ? facts.account : null;
}
