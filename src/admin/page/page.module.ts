import {
  type DynamicModule,
  type MiddlewareConsumer,
  Module,
  type NestModule,
  RequestMethod,
} from '@nestjs/common';
import { AccountsModule } from '../../accounts/accounts.module.js';
import { PAGE_FOLDER, PageFiles } from './page-files.js';
import { PageController } from './page.controller.js';
import { PageSessions } from './page-sessions.js';
import { SessionBody } from './session-body.middleware.js';
import { SessionController } from './session.controller.js';
import { SignInTries } from './sign-in-tries.js';
import { StatusText } from './status-text.js';

/** The operator's page, and its sessions. */
@Module({})
export class PageModule implements NestModule {
  static register(folder: string): DynamicModule {
    return {
      module: PageModule,
      global: true,
      imports: [AccountsModule],
      controllers: [PageController, SessionController],
      providers: [
        { provide: PAGE_FOLDER, useValue: folder },
        PageFiles,
        PageSessions,
        SignInTries,
        StatusText,
      ],
      exports: [PageFiles, PageSessions, SignInTries],
    };
  }

  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(SessionBody).forRoutes({ path: 'admin/session', method: RequestMethod.POST });
  }
}
