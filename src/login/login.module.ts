import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { AuthorizationClient } from './authorization-client.js';
import { BrowserLogin } from './browser-login.js';
import { CallbackListener } from './callback-listener.js';
import { DeviceLogin } from './device-login.js';
import { LoginCompletion } from './login-completion.js';
import { Logins } from './logins.js';

/** New accounts for the pool, and new logins for those it has: a person allows it, we take the tokens. */
@Module({
  imports: [TokensModule, AccountsModule],
  providers: [AuthorizationClient, BrowserLogin, CallbackListener, DeviceLogin, LoginCompletion, Logins],
  exports: [BrowserLogin, DeviceLogin, Logins],
})
export class LoginModule {}
