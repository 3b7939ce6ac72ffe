import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  afterEvent,
  describeTrouble,
  failingIn,
  nothingWrong,
  troublesIn,
  type UpstreamEvent,
  type UpstreamState,
  type UpstreamTrouble,
} from './upstream-health.js';

/** Injection token of a function that returns the number of accounts that can serve now or later; `accounts` provides it. */
export const COUNT_USABLE_ACCOUNTS = Symbol('countUsableAccounts');

/** Watches upstream across all accounts, so that no account is blamed for a fault that all of them see. */
@Injectable()
export class UpstreamMonitor {
  private readonly logger = new Logger(UpstreamMonitor.name);
  private readonly watchers: (() => void)[] = [];
  private state: UpstreamState = nothingWrong;

  constructor(@Inject(COUNT_USABLE_ACCOUNTS) private readonly countUsableAccounts: () => number) {}

  /** Calls back whenever upstream responds again after it could not be reached. */
  onReachable(watcher: () => void): void {
    this.watchers.push(watcher);
  }

  /** Records how an attempt or a poll ended. */
  note(event: UpstreamEvent): void {
    const next = afterEvent(this.state, event);
    if (next === this.state) return;
    const [before] = this.troubles();
    const isReachableAgain = this.state.unreachable !== null && next.unreachable === null;
    this.state = next;
    if (isReachableAgain) for (const watcher of this.watchers) watcher();
    const [now] = this.troubles();
    if (before?.kind === now?.kind) return;
    if (now === undefined) this.logger.log('upstream has recovered', { was: before?.kind });
    else this.logger.warn('upstream is in trouble', { kind: now.kind, why: describeTrouble(now) });
  }

  /** Returns upstream's current problems; one that masks the others comes first. */
  troubles(): readonly UpstreamTrouble[] {
    return this.state === nothingWrong ? [] : troublesIn(this.state, this.countUsableAccounts());
  }

  /** Describes the first problem in one sentence; null if none. */
  warning(): string | null {
    const [trouble] = this.troubles();
    return trouble === undefined ? null : describeTrouble(trouble);
  }

  /** Whether several accounts have seen upstream errors, in which case an error says nothing about its account. */
  isFailingForAll(): boolean {
    return (failingIn(this.state)?.accounts.size ?? 0) > 1;
  }
}
