import { Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import type { Account } from '../../accounts/account.js';
import { metricNames } from '../../observability/metrics.js';
import type { TokenCount } from '../../usage/sums/token-columns.js';

/** Counts served turns and their tokens in the metrics. */
@Injectable()
export class TurnCounters {
  constructor(
    @InjectMetric(metricNames.tokens) private readonly tokens: Counter<'account' | 'kind'>,
    @InjectMetric(metricNames.turns) private readonly turns: Counter<'account'>,
  ) {}

  /** Counts a served turn; `counted` is null if it reported no tokens. */
  served(account: Account, counted: TokenCount | null): void {
    this.turns.inc({ account: account.name });
    this.used(account, counted);
  }

  /** Counts the tokens of a turn that failed after output. */
  used(account: Account, counted: TokenCount | null): void {
    if (counted === null) return;
    for (const kind of ['input', 'cached', 'output', 'reasoning'] as const) {
      if (counted[kind] > 0) this.tokens.inc({ account: account.name, kind }, counted[kind]);
    }
  }
}
