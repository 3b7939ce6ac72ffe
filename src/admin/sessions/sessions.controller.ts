import { Body, Controller, Delete, Get, Param, Put, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { ForgottenView, SessionView } from '../../api/session.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { AccountViews } from '../accounts/account-views.js';
import { isKnownToClient } from '../lists/entity-tag.js';
import { linkNext } from '../lists/page-cursor.js';
import { chosenAccount, forgottenAccount, sessionQuestion } from './session-question.js';
import { SessionViews } from './session-views.js';

/** The sessions and their accounts. A session is known by the hash of its key. */
@Controller('admin/affinity')
export class SessionsController {
  constructor(
    private readonly views: SessionViews,
    private readonly accounts: AccountViews,
    private readonly affinity: SessionAffinity,
  ) {}

  /** The last used first, at most `limit`, of one `account` or of all. `Link` with `rel="next"` leads to older ones. */
  @Get()
  list(
    @Query() query: unknown,
    @Req() req: Request,
    @Res({ passthrough: true }) res: Response,
  ): SessionView[] | undefined {
    const { sessions, hasMore } = this.views.page(sessionQuestion(query));
    const last = sessions.at(-1);
    if (last !== undefined && hasMore) linkNext(req, res, { at: last.usedAt, key: last.session });
    return isKnownToClient(req, res, sessions) ? undefined : sessions;
  }

  @Get(':session')
  find(@Param('session') session: string): SessionView {
    return this.views.named(session);
  }

  /** Moves a session at its next turn. If the account cannot serve then, another one is chosen as usual. */
  @Put(':session')
  move(@Param('session') session: string, @Body() body: unknown): SessionView {
    const account = chosenAccount(body);
    this.views.named(session);
    this.affinity.move(session, this.accounts.account(account).id);
    return this.views.named(session);
  }

  /** Forgets a session: its next turn is placed like that of a new one. */
  @Delete(':session')
  forget(@Param('session') session: string): ForgottenView {
    this.views.named(session);
    return { forgotten: this.affinity.forget(session) ? 1 : 0 };
  }

  /** Forgets the sessions of one account, or all. */
  @Delete()
  forgetAll(@Query() query: unknown): ForgottenView {
    const name = forgottenAccount(query);
    const account = name === undefined ? undefined : this.accounts.named(name).name;
    const forgotten = this.views.ofAccount(account).filter((it) => this.affinity.forget(it.session));
    return { forgotten: forgotten.length };
  }
}
