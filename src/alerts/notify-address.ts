import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';

/** Where alerts go now; null: nowhere. */
export abstract class NotifyAddress {
  abstract get current(): URL | null;
}

/** The address in the settings of the start. */
@Injectable()
export class ConfiguredNotifyAddress implements NotifyAddress {
  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

  get current(): URL | null {
    return this.config.notifyUrl;
  }
}
