import { Injectable, type NestMiddleware } from '@nestjs/common';
import express, { type NextFunction, type Request, type Response } from 'express';
import { limits } from '../../config/limits.js';
import { Problem } from '../problems/problem.js';

const readers = [
  express.json({ limit: limits.signInBytes, strict: true }),
  express.urlencoded({ limit: limits.signInBytes, extended: false, parameterLimit: 10 }),
];
const notRead = new Problem(400, 'bad_body', 'The body must be {"token": "…"}, or a form with this field.');

/** Parses the body of a sign-in, JSON or a form, into `req.body`. The parser's message, which quotes it, is not passed on. */
@Injectable()
export class SessionBody implements NestMiddleware {
  use(req: Request, res: Response, next: NextFunction): void {
    const reader = readers[req.is('application/x-www-form-urlencoded') === false ? 0 : 1];
    reader?.(req, res, (error?: unknown) => (error === undefined ? next() : next(notRead)));
  }
}
