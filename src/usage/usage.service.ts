import { Injectable } from '@nestjs/common';
import type { TokenCount } from './response-usage.js';

/** Sums over the turns of an account. */
export interface UsageTotals {
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
  readonly turns: number;
}

const none: UsageTotals = { input: 0, cached: 0, output: 0, reasoning: 0, turns: 0 };

/** What was spent, by the account's identity. In memory. */
@Injectable()
export class UsageService {
  private readonly byAccount = new Map<string, UsageTotals>();

  totals(accountId: string): UsageTotals {
    return this.byAccount.get(accountId) ?? none;
  }

  /** Counts one turn that an account served; `tokens` is null when its stream told none. */
  record(accountId: string, tokens: TokenCount | null): void {
    const before = this.totals(accountId);
    this.byAccount.set(accountId, {
      input: before.input + (tokens?.input ?? 0),
      cached: before.cached + (tokens?.cached ?? 0),
      output: before.output + (tokens?.output ?? 0),
      reasoning: before.reasoning + (tokens?.reasoning ?? 0),
      turns: before.turns + 1,
    });
  }
}
