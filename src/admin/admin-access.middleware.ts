import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { PROBLEM_TYPE, problemDetails } from '../runtime/problem-details.js';

/**
 * Guards `/admin`, the page and `/metrics` with `PROXY_ADMIN_TOKEN`, as Bearer, or as the password of Basic
 * (so that a browser can prompt for it). Without that setting they are open; this is allowed only on loopback.
 */
@Injectable()
export class AdminAccess implements NestMiddleware {
  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

  use(req: Request, res: Response, next: NextFunction): void {
    const { adminToken } = this.config;
    if (!isGuarded(req.originalUrl.split('?', 1)[0] ?? '')) return next();
    const given = givenToken(req.headers.authorization ?? '');
    if (adminToken === null || (given !== null && adminToken.equals(given))) return next();
    res
      .status(401)
      .set('www-authenticate', 'Basic realm="codex-pool", charset="UTF-8"')
      .type(PROBLEM_TYPE)
      .send(problemDetails(401, 'admin_token_required', 'This route requires PROXY_ADMIN_TOKEN.'));
  }
}

function isGuarded(path: string): boolean {
  return (
    path === '/' ||
    path === '/dashboard' ||
    path === '/metrics' ||
    path === '/admin' ||
    path.startsWith('/admin/')
  );
}

function givenToken(authorization: string): string | null {
  const [, scheme, value] = /^(Bearer|Basic) +(\S+)$/i.exec(authorization) ?? [];
  if (scheme === undefined || value === undefined) return null;
  if (scheme.toLowerCase() === 'bearer') return value;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon === -1 ? null : pair.slice(colon + 1);
}
