import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { CLOCK, type Clock } from './clock.js';

/** How often the clock is compared. */
const TICK_MS = 1_000;
/** A larger jump of the clock between two ticks means that the machine was suspended. */
const JUMP_MS = 30_000;
/** How long the network may need after a wake. */
const WAKE_GRACE_MS = 5_000;

/** Whether the machine has slept between two ticks (epoch ms): the clock went on, the timer did not. */
export function wasSuspended(tickedAt: number, now: number): boolean {
  return now - tickedAt > JUMP_MS;
}

/**
 * Whether a network error or 5xx of an attempt says nothing about its account: the machine slept while the
 * attempt ran, or had only just woken when it began, and its network may not have been back.
 */
export function isExcused(attemptStartedAt: number, wokeAt: number | null): boolean {
  return wokeAt !== null && attemptStartedAt < wokeAt + WAKE_GRACE_MS;
}

/** Notices that the machine has woken from sleep, and tells those who have something to do then. */
@Injectable()
export class SuspendDetector implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(SuspendDetector.name);
  private readonly wakers: (() => void)[] = [];
  private ticking: Disposable | null = null;
  private tickedAt: number;
  private wokeAt: number | null = null;

  constructor(@Inject(CLOCK) private readonly clock: Clock) {
    this.tickedAt = clock.now();
  }

  onApplicationBootstrap(): void {
    this.tickedAt = this.clock.now();
    this.ticking = this.clock.every?.(TICK_MS, () => this.tick()) ?? null;
  }

  onModuleDestroy(): void {
    this.ticking?.[Symbol.dispose]();
  }

  /** Calls back after each sleep. */
  onWake(waker: () => void): void {
    this.wakers.push(waker);
  }

  /** Whether an error of an attempt that began then (epoch ms) is the sleep's, not the account's. */
  excuses(attemptStartedAt: number): boolean {
    return isExcused(attemptStartedAt, this.wokeAt);
  }

  private tick(): void {
    const now = this.clock.now();
    const before = this.tickedAt;
    this.tickedAt = now;
    if (!wasSuspended(before, now)) return;
    this.wokeAt = now;
    this.logger.log('awake after a sleep', { seconds: Math.round((now - before) / 1_000) });
    for (const waker of this.wakers) waker();
  }
}
