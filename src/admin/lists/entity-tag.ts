import { hash } from 'node:crypto';
import type { Request, Response } from 'express';

/**
 * Sets the `ETag` of a response, made of everything that the response is derived from; returns whether the client has
 * that response already (`If-None-Match`). Then its status is 304, and it needs no body.
 */
export function isKnownToClient(req: Request, res: Response, ...sources: readonly unknown[]): boolean {
  res.set('etag', `W/"${hash('sha256', JSON.stringify(sources), 'base64url').slice(0, 22)}"`);
  if (!req.fresh) return false;
  res.status(304);
  return true;
}
