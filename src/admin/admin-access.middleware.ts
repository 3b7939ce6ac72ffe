import { Inject, Injectable, Logger, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { PROBLEM_TYPE, problemDetails } from '../runtime/problem-details.js';
import { PageFiles } from './page/page-files.js';
import { pagePaths, signInHeaders, wantsHtml } from './page/page-headers.js';
import { PageSessions } from './page/page-sessions.js';
import { sessionIdIn } from './page/session-cookie.js';
import { signInForm } from './page/sign-in-form.js';
import { SignInTries } from './page/sign-in-tries.js';
import { tooManyTries } from './page/too-many-tries.js';

/**
 * Guards `/admin`, the page and `/metrics` with `PROXY_ADMIN_TOKEN`: as Bearer, as the password of Basic, or by the
 * session cookie of the page. Without that setting they are open; this is allowed only on loopback.
 */
@Injectable()
export class AdminAccess implements NestMiddleware {
  private readonly logger = new Logger(AdminAccess.name);

  constructor(
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    private readonly sessions: PageSessions,
    private readonly tries: SignInTries,
    private readonly files: PageFiles,
  ) {}

  use(req: Request, res: Response, next: NextFunction): void {
    const path = req.originalUrl.split('?', 1)[0] ?? '';
    if (this.config.adminToken === null || !isGuarded(req.method, path) || this.hasSession(req))
      return next();
    const given = givenToken(req.headers.authorization ?? '');
    const judged = given === null ? 'wrong' : this.judge(given, req.socket.remoteAddress ?? '');
    if (judged === 'right') return next();
    if (pagePaths.has(path) && wantsHtml(req.headers.accept)) return void this.askForToken(req, res);
    refuse(req, res, judged);
  }

  private hasSession(req: Request): boolean {
    const id = sessionIdIn(req);
    return id !== null && this.sessions.endOf(id) !== null;
  }

  /** Compares a token, unless its network has sent too many wrong ones: then returns the seconds until the next try. */
  private judge(given: string, peer: string): 'right' | 'wrong' | number {
    if (this.tries.isKnownWrong('header', peer, given)) return 'wrong';
    const waitMs = this.tries.waitMs('header', peer);
    if (waitMs > 0) return Math.ceil(waitMs / 1_000);
    if (this.config.adminToken?.equals(given) === true) return 'right';
    this.tries.noteWrong('header', peer, given);
    this.logger.warn('a wrong token was sent to an admin route', { peer });
    return 'wrong';
  }

  private async askForToken(req: Request, res: Response): Promise<void> {
    const page = await this.files.page();
    if (page === null) return refuse(req, res, 'wrong');
    const form = signInForm(page.signIn, req.originalUrl, '');
    res
      .status(401)
      .set({ ...signInHeaders, 'www-authenticate': WITHOUT_PROMPT })
      .send(form);
  }
}

const WITHOUT_PROMPT = 'Bearer realm="codex-pool"';
const WITH_PROMPT = 'Basic realm="codex-pool", charset="UTF-8"';

/**
 * Refuses a request whose token is wrong or missing, or is not compared for some seconds. A browser prompts for a
 * password after a challenge by Basic; calls of the page must not cause that.
 */
function refuse({ headers }: Request, res: Response, judged: 'wrong' | number): void {
  if (judged !== 'wrong') {
    const { message, code, more } = tooManyTries(judged);
    res.status(429).set('retry-after', String(judged)).type(PROBLEM_TYPE);
    return void res.send(problemDetails(429, code, message, more));
  }
  const mode = headers['sec-fetch-mode'];
  const isScript = mode !== undefined && mode !== 'navigate';
  res
    .status(401)
    .set('www-authenticate', isScript ? WITHOUT_PROMPT : WITH_PROMPT)
    .type(PROBLEM_TYPE)
    .send(problemDetails(401, 'admin_token_required', 'This route requires PROXY_ADMIN_TOKEN.'));
}

function isGuarded(method: string, path: string): boolean {
  if (path === '/admin/session' && method === 'POST') return false;
  return pagePaths.has(path) || path === '/metrics' || path === '/admin' || path.startsWith('/admin/');
}

function givenToken(authorization: string): string | null {
  const [, scheme, value] = /^(Bearer|Basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme === undefined || value === undefined) return null;
  if (scheme.toLowerCase() === 'bearer') return value;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? null : pair.slice(colon + 1);
}
