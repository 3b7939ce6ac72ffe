import { type DynamicModule, Global, Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { AuthorizationClient } from './authorization-client.js';
import { BrowserLogin } from './browser-login.js';
import { CallbackListener } from './callback-listener.js';
import { DeviceLogin } from './device-login.js';
import { LoginCompletion } from './login-completion.js';
import { LOGIN_PORTS, type LoginPorts } from './login-ports.js';
import { Logins } from './logins.js';

/** Adds accounts to the pool, and renews their logins, after a person has approved it in a browser. */
@Module({
  imports: [TokensModule, AccountsModule],
  providers: [AuthorizationClient, BrowserLogin, CallbackListener, DeviceLogin, LoginCompletion, Logins],
  exports: [BrowserLogin, DeviceLogin, Logins],
})
export class LoginModule {}

/** Supplies the ports of browser logins, which the composition root chooses. */
@Global()
@Module({})
export class LoginPortsModule {
  static register(ports: LoginPorts): DynamicModule {
    const providers = [{ provide: LOGIN_PORTS, useValue: ports }];
    return { module: LoginPortsModule, providers, exports: providers };
  }
}
