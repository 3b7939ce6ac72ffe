import { limits } from '../config/limits.js';

export interface RecentError {
  /** Epoch ms. */
  readonly at: number;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The most recent logged errors, for `/healthz`; bounded. The logger adds each error once. */
export class RecentErrors {
  private readonly errors: RecentError[] = [];

  add(error: RecentError): void {
    this.errors.push(error);
    if (this.errors.length > limits.recentErrors) this.errors.shift();
  }

  /** Returns the errors, oldest first. */
  list(): readonly RecentError[] {
    return [...this.errors];
  }
}
