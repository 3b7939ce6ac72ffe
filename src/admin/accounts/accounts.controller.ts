import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  HttpStatus,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import type { Request, Response } from 'express';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { QuotaService } from '../../usage/quota.service.js';
import { AccountImport, type ImportResult, type RefusedImport } from './account-import.js';
import { patchedSettings } from './account-settings-patch.js';
import type { AccountView } from '../../api/account.js';
import { AccountViews } from './account-views.js';
import { isKnownToClient } from '../lists/entity-tag.js';
import { linkNext } from '../lists/page-cursor.js';
import { StoredChange, type StoredChangeView } from './stored-change.js';
import { Problem } from '../problems/problem.js';
import { quotaQuestion } from './quota-question.js';

/** Lists, imports, configures and removes the accounts of the pool. */
@Controller('admin/accounts')
export class AccountsController {
  constructor(
    private readonly views: AccountViews,
    private readonly accountImport: AccountImport,
    private readonly registry: AccountRegistry,
    private readonly quota: QuotaService,
    private readonly change: StoredChange,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** All accounts and broken files, by name. */
  @Get()
  accounts(@Req() req: Request, @Res({ passthrough: true }) res: Response): AccountView[] | undefined {
    const all = this.views.all();
    return isKnownToClient(req, res, all) ? undefined : all;
  }

  @Get(':name')
  account(@Param('name') name: string): AccountView {
    return this.views.named(name);
  }

  /**
   * History of an account's quota windows: the newest `limit` samples since a time (`since`, epoch ms; by default of all
   * that are stored), in time order. The header `Link` names the page of older ones.
   */
  @Get(':name/quota')
  async quotaHistory(
    @Param('name') name: string,
    @Query() query: unknown,
    @Req() req: Request,
    @Res({ passthrough: true }) res: Response,
  ) {
    const { id } = this.views.account(name);
    const question = quotaQuestion(query, id);
    const page = await this.quota.history(question, (version) =>
      isKnownToClient(req, res, version, question),
    );
    if (page === null) return undefined;
    const { samples, next } = page;
    if (next !== null) linkNext(req, res, { at: next.seenAt, key: String(next.durationSeconds) });
    return samples;
  }

  /**
   * Imports an `auth.json`, one with a name (`{name, auth}`), or an array of these, each separately. 201 if all were
   * imported, 207 if some were. If none was, responds with a problem, and nothing was written.
   */
  @Post()
  async add(@Body() body: unknown, @Res({ passthrough: true }) res: Response): Promise<ImportResult[]> {
    if (body === undefined || (Array.isArray(body) && body.length === 0)) throw nothingToImport;
    const results = await this.accountImport.add(Array.isArray(body) ? body : [body]);
    const refused = results.filter((it) => it.result === 'refused');
    if (refused.length === results.length) throw noneImported(refused);
    res.status(refused.length === 0 ? HttpStatus.CREATED : HttpStatus.MULTI_STATUS);
    return results;
  }

  /**
   * Changes the settings of an account. A pause ends at `pausedUntil`, or when resumed. Turns in flight are not affected.
   * `persisted`: whether they are stored.
   */
  @Patch(':name')
  async configure(@Param('name') name: string, @Body() body: unknown): Promise<StoredChangeView> {
    const account = this.views.account(name);
    this.registry.configure(account, patchedSettings(account.settings, body, this.clock.now()));
    return await this.change.describe(this.views.named(name));
  }

  /** Moves the file away, so that a person can put it back. Works for broken files too. */
  @Delete(':name')
  @HttpCode(HttpStatus.OK)
  async remove(@Param('name') name: string): Promise<{ name: string; movedTo: string }> {
    const found = this.views.named(name);
    const movedTo = await this.accountImport.remove(found.name);
    if (movedTo === null) throw new Problem(404, 'no_account', `The file of ${found.name} is already gone.`);
    return { name: found.name, movedTo };
  }
}

const nothingToImport = new Problem(
  400,
  'nothing_to_import',
  'The body must be a Codex auth.json, {"name": …, "auth": …}, or an array of these.',
);

/** Refusals that are due to the pool's state rather than to the request. */
const conflicts: ReadonlySet<RefusedImport['code']> = new Set([
  'older_tokens',
  'spent_tokens',
  'name_taken',
  'pool_full',
]);

function noneImported(refused: readonly RefusedImport[]): Problem {
  const [first] = refused;
  if (first === undefined || refused.length > 1) {
    const detail = 'None of the accounts was imported, and nothing was written; see results.';
    return new Problem(422, 'import_refused', detail, { results: refused });
  }
  // A full disk, or a file that has just vanished: the state of the folder, not a fault of the program.
  if (first.code === 'not_written') return new Problem(503, first.code, first.detail);
  if (first.code === 'bad_name') return new Problem(400, first.code, first.detail);
  return new Problem(conflicts.has(first.code) ? 409 : 422, first.code, first.detail);
}
