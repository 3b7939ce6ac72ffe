import { Injectable } from '@nestjs/common';
import { RuntimeSettings } from '../config/runtime-settings.js';

/** Where alerts go now; null: nowhere. */
export abstract class NotifyAddress {
  abstract get current(): URL | null;
}

/** The address in the settings, as the operator may have changed it. */
@Injectable()
export class ConfiguredNotifyAddress implements NotifyAddress {
  constructor(private readonly settings: RuntimeSettings) {}

  get current(): URL | null {
    return this.settings.current.notifyUrl;
  }
}
