import { Injectable, type NestMiddleware } from '@nestjs/common';
import express, { type NextFunction, type Request, type Response } from 'express';
import { limits } from '../config/limits.js';
import { Problem } from './problems/problem.js';

/** Parses the JSON body of an operator's request into `req.body`; undefined without a body. */
@Injectable()
export class JsonBody implements NestMiddleware {
  private readonly read = express.json({ limit: limits.credentialFileBytes });

  use(req: Request, res: Response, next: NextFunction): void {
    if (!hasBody(req)) return next();
    if (!req.is('application/json')) return next(notJson);
    this.read(req, res, (error?: unknown) => (error === undefined ? next() : next(problemOf(error))));
  }
}

const notJson = new Problem(415, 'not_json', 'The body must be JSON, with content-type: application/json.');

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Does not pass on the parser's message, which quotes the body and may contain tokens. */
function problemOf(error: unknown): Problem {
  const status = typeof error === 'object' && error !== null && 'status' in error ? error.status : 400;
  switch (status) {
    case 413:
      return new Problem(413, 'too_large', 'The body is larger than 1 MiB.');
    case 415:
      return new Problem(415, 'not_json', 'The encoding or charset of the body is not supported.');
    default:
      return new Problem(400, 'bad_json', 'The body is not a complete JSON object or array.');
  }
}
