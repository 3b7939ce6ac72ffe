import { Injectable } from '@nestjs/common';
import { limits } from '../limits.js';
import type { QuotaWindow } from './quota-window.js';

/** The newest quota windows of each account, by the account's identity. In memory. */
@Injectable()
export class QuotaService {
  private readonly latest = new Map<string, readonly QuotaWindow[]>();

  /** The windows of an account, shortest first; none when nothing is known. */
  windows(accountId: string): readonly QuotaWindow[] {
    return this.latest.get(accountId) ?? [];
  }

  /** Takes what an answer told in passing: windows that it does not name stay as they are. */
  observe(accountId: string, windows: readonly QuotaWindow[]): void {
    if (windows.length === 0) return;
    const named = new Set(windows.map((it) => it.durationSeconds));
    const others = this.windows(accountId).filter((it) => !named.has(it.durationSeconds));
    this.put(accountId, [...windows, ...others]);
  }

  /** Takes the whole truth of a poll: a window that it does not name is no more. */
  replace(accountId: string, windows: readonly QuotaWindow[]): void {
    this.put(accountId, windows);
  }

  private put(accountId: string, windows: readonly QuotaWindow[]): void {
    const ordered = windows.slice(0, limits.windowsPerAccount);
    const oldest = this.latest.keys().next();
    if (this.latest.size >= limits.poolFiles && oldest.done !== true) this.latest.delete(oldest.value);
    this.latest.set(
      accountId,
      ordered.toSorted((a, b) => a.durationSeconds - b.durationSeconds),
    );
  }
}
