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

/** Returns whether the machine was suspended between two ticks (epoch ms): the clock advanced, the timer did not. */
export function wasSuspended(tickedAt: number, now: number): boolean {
  return now - tickedAt > JUMP_MS;
}

/**
 * Returns whether to ignore a network error or 5xx of an attempt: the machine was suspended while the attempt ran, or
 * woke so shortly before it that the network may not have been back.
 */
export function isExcused(attemptStartedAt: number, wokeAt: number | null): boolean {
  return wokeAt !== null && attemptStartedAt < wokeAt + WAKE_GRACE_MS;
}

/** Detects that the machine was suspended, and notifies its watchers after the wake. */
@Injectable()
export class SuspendDetector implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(SuspendDetector.name);
  private readonly watchers: (() => void)[] = [];
  private ticking: Disposable | null = null;
  private tickedAt: number;
  /** When the machine woke, or its network changed. */
  private interruptedAt: number | null = null;

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

  /** Calls back after each wake. */
  onWake(watcher: () => void): void {
    this.watchers.push(watcher);
  }

  /** Notes that the network has changed: errors of attempts that run now have the same excuse as after a wake. */
  interrupted(): void {
    this.interruptedAt = this.clock.now();
  }

  /** Returns whether an error of an attempt that began at this time (epoch ms) is due to a suspend or a new network. */
  excuses(attemptStartedAt: number): boolean {
    return isExcused(attemptStartedAt, this.interruptedAt);
  }

  private tick(): void {
    const now = this.clock.now();
    const before = this.tickedAt;
    this.tickedAt = now;
    if (!wasSuspended(before, now)) return;
    this.interruptedAt = now;
    this.logger.log('resumed after a suspend', { seconds: Math.round((now - before) / 1_000) });
    for (const watcher of this.watchers) watcher();
  }
}
