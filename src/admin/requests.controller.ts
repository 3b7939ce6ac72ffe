import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { RequestView } from '../api/request.js';
import { RequestLog } from '../observability/request-log.js';
import { isKnownToClient } from './lists/entity-tag.js';
import { linkNext } from './lists/page-cursor.js';
import { Problem } from './problems/problem.js';
import { passes, requestQuestion } from './request-question.js';

/** The requests that were proxied, each with the reasons for its account. */
@Controller('admin/requests')
export class RequestsController {
  constructor(private readonly requestLog: RequestLog) {}

  /**
   * The newest first, at most `limit`. Filters: `account` (name), `session` and `project` (hash; a project also by
   * name), `outcome` (the result, or that of an attempt), `model`, `from` and `to` (exclusive) as epoch ms, ISO time or
   * date. `Link` with `rel="next"` leads to older ones.
   */
  @Get()
  list(
    @Query() query: unknown,
    @Req() req: Request,
    @Res({ passthrough: true }) res: Response,
  ): RequestView[] | undefined {
    const { filter, limit, after } = requestQuestion(query);
    const all = this.requestLog.list();
    // Not found if it has left memory, and everything older with it.
    const place = after === null ? -1 : all.findIndex((it) => it.id === after.key);
    const start = after !== null && place === -1 ? all.length : place + 1;
    const found = all.slice(start).filter((it) => passes(it, filter));
    const page = found.slice(0, limit);
    const last = page.at(-1);
    if (last !== undefined && found.length > limit) linkNext(req, res, { at: last.at, key: last.id });
    return isKnownToClient(req, res, page) ? undefined : page;
  }

  @Get(':id')
  find(@Param('id') id: string): RequestView {
    const found = this.requestLog.find(id);
    if (found === null) throw new Problem(404, 'unknown_request', 'No such request is recorded any more.');
    return found;
  }
}
