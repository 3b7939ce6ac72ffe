import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AccountRegistry } from '../accounts/account-registry.js';
import type { UsageView } from '../api/usage.js';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { Projects } from '../usage/project/projects.js';
import { UsageReport } from '../usage/report/usage-report.js';
import { isKnownToClient } from './lists/entity-tag.js';
import { linkNext } from './lists/page-cursor.js';
import { usageCsv } from './usage-csv.js';
import { usageQuestion } from './usage-question.js';
import { type UsageNames, usageView } from './usage-view.js';

/** Usage from the database. Token counts are as upstream reported them. */
@Controller('admin')
export class UsageController {
  constructor(
    private readonly report: UsageReport,
    private readonly registry: AccountRegistry,
    private readonly projects: Projects,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * `from` and `to` (exclusive) as epoch ms, ISO time or date, by default the last 30 days; `bucket` hour or day. `tz` is
   * the zone of days and dates, by default the machine's. `hours` has a bucket for each hour or day with usage: the
   * newest `limit`, in time order. `next` is the `cursor` of older ones, null if there are none. `totals` and `accounts`
   * are those of the whole span; `accountCount` counts its accounts, of which `accounts` has those with most turns.
   * `by` adds `groups`, the sums of the span by account, model, project, session, effort or front end; `account` and
   * `model` split the buckets, too. `account` (name), `model` and `project` (name or hash) filter; `project` leaves
   * `accounts` empty.
   */
  @Get('usage')
  async usage(
    @Query() query: unknown,
    @Req() req: Request,
    @Res({ passthrough: true }) res: Response,
  ): Promise<UsageView | undefined> {
    const { prices } = this.config;
    const answer = await this.answer(query, req, res);
    return answer === null ? undefined : usageView(answer.question, answer.result, this.names, prices);
  }

  /** The same as CSV: the groups if `by` is given, else the buckets; `Link` with `rel="next"` leads to older ones. */
  @Get('usage.csv')
  async csv(
    @Query() query: unknown,
    @Req() req: Request,
    @Res({ passthrough: true }) res: Response,
  ): Promise<string | undefined> {
    const answer = await this.answer(query, req, res);
    if (answer === null) return undefined;
    const { question, result } = answer;
    res.set('content-type', 'text/csv; charset=utf-8; header=present');
    res.set('content-disposition', 'attachment; filename="codex-pool-usage.csv"');
    if (result.next !== null && question.by === 'none')
      linkNext(req, res, { at: result.next.at, key: result.next.split });
    return usageCsv(usageView(question, result, this.names, this.config.prices));
  }

  private get names(): UsageNames {
    return {
      account: (id) => this.registry.findById(id)?.name ?? null,
      project: (hash) => this.projects.find(hash)?.name ?? null,
    };
  }

  /** Null if the client has the response already. */
  private async answer(query: unknown, req: Request, res: Response) {
    const filters = {
      accountId: (name: string) => this.registry.list().find((it) => it.name === name)?.id ?? name,
      projects: (name: string) => this.projects.hashesOf(name),
    };
    const question = {
      ...usageQuestion(query, this.clock.now(), filters),
      isPriced: this.config.prices !== null,
    };
    const names = this.registry.list().map(({ id, name }) => [id, name]);
    const result = await this.report.run(question, (version) =>
      isKnownToClient(req, res, version, question, names),
    );
    return result === null ? null : { question, result };
  }
}
