import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from './app.config.js';

/** The settings that may change while the program runs. */
export type RuntimeValues = Pick<AppConfig, 'policy' | 'debug' | 'notifyUrl'>;

/** The operator's changes; absent: as configured. */
export type RuntimeChanges = Partial<RuntimeValues>;

/** The settings that may change at run time, as they are now. A change by the operator outranks the environment. */
@Injectable()
export class RuntimeSettings {
  private changes: RuntimeChanges = {};
  private values: RuntimeValues;
  private readonly watchers: ((now: RuntimeValues) => void)[] = [];

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {
    this.values = this.merged();
  }

  get current(): RuntimeValues {
    return this.values;
  }

  isChanged(name: keyof RuntimeValues): boolean {
    return name in this.changes;
  }

  /** Replaces all changes by the operator. */
  change(changes: RuntimeChanges): void {
    this.changes = changes;
    this.values = this.merged();
    for (const watcher of this.watchers) watcher(this.values);
  }

  /** Returns what the operator has changed. */
  get changed(): RuntimeChanges {
    return this.changes;
  }

  /** Calls back after every change. */
  onChange(watcher: (now: RuntimeValues) => void): void {
    this.watchers.push(watcher);
  }

  private merged(): RuntimeValues {
    const { policy, debug, notifyUrl } = this.config;
    return { policy, debug, notifyUrl, ...this.changes };
  }
}
