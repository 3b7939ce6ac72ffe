import { Body, Controller, Delete, Get, Inject, Logger, Post, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { PageSessionView } from '../../api/page-session.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { Problem } from '../problems/problem.js';
import { PageFiles } from './page-files.js';
import { signInHeaders, wantsHtml } from './page-headers.js';
import { PageSessions } from './page-sessions.js';
import { endedCookie, sessionCookie, sessionIdIn } from './session-cookie.js';
import { pageAddress, signInForm } from './sign-in-form.js';
import { SignInTries } from './sign-in-tries.js';
import { tooManyTries } from './too-many-tries.js';

/** `to`: the address of the page that the form then leads to. */
export const bodySchema = z.object({
  token: z.string().max(limits.signInBytes),
  to: z.string().max(limits.signInBytes).default('/'),
});

/** Signs a browser in with the operator's token, and out. */
@Controller('admin/session')
export class SessionController {
  private readonly logger = new Logger(SessionController.name);

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly sessions: PageSessions,
    private readonly tries: SignInTries,
    private readonly files: PageFiles,
  ) {}

  @Get()
  session(@Req() req: Request): PageSessionView {
    const id = sessionIdIn(req);
    return {
      tokenRequired: this.config.adminToken !== null,
      endsAt: id === null ? null : this.sessions.endOf(id),
    };
  }

  /** Takes the token, as JSON (204) or from the form (303 to the page), and sets the cookie. */
  @Post()
  async signIn(@Body() body: unknown, @Req() req: Request, @Res() res: Response): Promise<void> {
    const parsed = bodySchema.safeParse(body);
    if (!parsed.success)
      throw new Problem(400, 'bad_body', 'The body must be {"token": "…"}, or a form with this field.');
    const { token, to } = parsed.data;
    const problem = this.whyRefused(token, req.socket.remoteAddress ?? '');
    const isForm = wantsHtml(req.headers.accept);
    if (problem === null) {
      res.set({
        'set-cookie': sessionCookie(req, this.sessions.open(), isSecure(req)),
        'cache-control': 'no-store',
      });
      return isForm ? res.redirect(303, pageAddress(to)) : void res.status(204).end();
    }
    const wait = problem.more['retryAfterSeconds'];
    if (typeof wait === 'number') res.set('retry-after', String(wait));
    const page = isForm ? await this.files.page() : null;
    if (page === null) throw problem;
    res
      .status(problem.getStatus())
      .set(signInHeaders)
      .send(signInForm(page.signIn, to, problem.message));
  }

  @Delete()
  signOut(@Req() req: Request, @Res() res: Response): void {
    const id = sessionIdIn(req);
    if (id !== null) this.sessions.close(id);
    res
      .status(204)
      .set('set-cookie', endedCookie(req, isSecure(req)))
      .end();
  }

  private whyRefused(token: string, peer: string): Problem | null {
    const { adminToken } = this.config;
    if (adminToken === null)
      return new Problem(409, 'no_token_set', 'No token is needed here: PROXY_ADMIN_TOKEN is not set.');
    const waitSeconds = Math.ceil(this.tries.waitMs('form', peer) / 1_000);
    if (waitSeconds > 0) return tooManyTries(waitSeconds);
    if (adminToken.equals(token)) {
      this.tries.noteRight('form', peer);
      return null;
    }
    this.tries.noteWrong('form', peer, token);
    this.logger.warn('a wrong token was entered on the page', { peer });
    return new Problem(403, 'wrong_token', 'This is not the token in PROXY_ADMIN_TOKEN.');
  }
}

/** Whether the browser speaks TLS. The boundary admits an https origin only for an allowed name. */
function isSecure({ headers }: Request): boolean {
  return /^https:/i.test(headers.origin ?? '');
}
