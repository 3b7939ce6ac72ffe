import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AlertSender } from './alert-sender.js';
import { AlertWatch } from './alert-watch.js';
import { ConfiguredNotifyAddress, NotifyAddress } from './notify-address.js';

/** Alerts to an address of the operator. */
@Module({
  imports: [AccountsModule],
  providers: [AlertWatch, AlertSender, { provide: NotifyAddress, useClass: ConfiguredNotifyAddress }],
})
export class AlertsModule {}
