import { Body, Controller, Get, Inject, Logger, Patch } from '@nestjs/common';
import type { ChangedSettingsView, SettingsView } from '../../api/settings.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { RuntimeSettings, type RuntimeValues } from '../../config/runtime-settings.js';
import { selectionPolicyNames } from '../../config/selection-policy-name.js';
import { shownValue } from '../../config/shown-settings.js';
import { RuntimeSettingsStore } from './runtime-settings-store.js';
import { changesIn } from './settings-patch.js';

const changeable: ReadonlyMap<string, keyof RuntimeValues> = new Map([
  ['PROXY_POLICY', 'policy'],
  ['PROXY_DEBUG', 'debug'],
  ['PROXY_NOTIFY_URL', 'notifyUrl'],
]);

/** The settings in force, and those that may change while the program runs. */
@Controller('admin/settings')
export class SettingsController {
  private readonly logger = new Logger(SettingsController.name);

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly runtime: RuntimeSettings,
    private readonly store: RuntimeSettingsStore,
  ) {}

  @Get()
  settings(): SettingsView {
    return {
      settings: this.config.shown.map((it) => {
        const field = changeable.get(it.name);
        if (field === undefined) return { ...it, changeable: false };
        const source = this.runtime.isChanged(field) ? 'operator' : it.source;
        return { name: it.name, value: shownValue(this.runtime.current[field]), source, changeable: true };
      }),
      policies: [...selectionPolicyNames],
    };
  }

  /** Changes settings at once; null returns to the configured value. `persisted`: whether a restart keeps the change. */
  @Patch()
  async change(@Body() body: unknown): Promise<ChangedSettingsView> {
    this.runtime.change(changesIn(body, this.runtime.changed));
    const { policy, debug } = this.runtime.current;
    this.logger.log('settings changed by the operator', { policy, debug });
    const persisted = (await this.store.save()) === null;
    return { ...this.settings(), persisted };
  }
}
