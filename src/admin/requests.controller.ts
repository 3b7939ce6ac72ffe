import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { RequestView } from '../api/request.js';
import { listedRequest } from './listed-request.js';
import { isKnownToClient } from './lists/entity-tag.js';
import { linkNext } from './lists/page-cursor.js';
import { Problem } from './problems/problem.js';
import { RecordedRequests } from './recorded-requests.js';
import { requestQuestion } from './request-question.js';

/** The requests that were proxied, each with the reasons for its account. */
@Controller('admin/requests')
export class RequestsController {
  constructor(private readonly recorded: RecordedRequests) {}

  /**
   * The newest first, at most `limit`: those in memory, then older turns in short form. Filters: `account` (name),
   * `session` and `project` (hash; a project also by name), `outcome` (the result, or that of an attempt), `model`, `from`
   * and `to` (exclusive) as epoch ms, ISO time or date. `Link` with `rel="next"` leads to older ones; a page may be empty
   * before others. `x-codex-pool-warning` says that older ones are missing because the database cannot be read.
   */
  @Get()
  async list(
    @Query() query: unknown,
    @Req() req: Request,
    @Res({ passthrough: true }) res: Response,
  ): Promise<readonly RequestView[] | undefined> {
    const { requests, next, isPartial } = await this.recorded.list(requestQuestion(query));
    if (next !== null) linkNext(req, res, next);
    if (isPartial) res.set('x-codex-pool-warning', 'the database cannot be read; older requests are missing');
    const listed = requests.map(listedRequest);
    return isKnownToClient(req, res, listed, next, isPartial) ? undefined : listed;
  }

  @Get(':id')
  async find(@Param('id') id: string): Promise<RequestView> {
    const found = await this.recorded.find(id);
    if (found === null) throw new Problem(404, 'unknown_request', 'No such request is on record.');
    return found;
  }
}
