import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { limits } from '../../config/limits.js';
import { Database } from '../../storage/database.js';
import { textsOfJson } from '../../storage/dialect.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { UsageRecord } from '../sums/usage-record.entity.js';
import { literal } from './usage-sql.js';

/** The place of a turn in the list: the newest first, those of one time by descending id. */
export type TurnPlace = Pick<UsageRecord, 'at' | 'id'>;

/** A question about turns. Times are epoch ms; a filter that is undefined lets all pass. */
export interface TurnQuery {
  readonly from?: number | undefined;
  /** Exclusive. */
  readonly to?: number | undefined;
  readonly accountId?: string | undefined;
  readonly session?: string | undefined;
  /** How the turn ended, or the outcome of its last attempt. */
  readonly outcome?: string | undefined;
  readonly model?: string | undefined;
  /** Hashes of projects. */
  readonly projects?: readonly string[] | undefined;
  /** Turns to leave out, by id. */
  readonly except: readonly string[];
  /** The turn before the page; null for the newest page. */
  readonly after: TurnPlace | null;
  /** Maximum number of turns. */
  readonly most: number;
}

/** Turns, newest first, and the place before the next page; null on the last one. A page may be empty before others. */
export interface TurnPage {
  readonly turns: readonly UsageRecord[];
  readonly next: TurnPlace | null;
}

/** Reads recorded turns one by one. */
@Injectable()
export class StoredRequests {
  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
  ) {}

  /**
   * Looks through at most `limits.scannedTurns` turns.
   * @throws DatabaseUnavailableError, or the error of the database
   */
  async list(query: TurnQuery): Promise<TurnPage> {
    await this.writer.flush();
    return await this.database.read(async (manager) => await pageOf(manager, query));
  }

  /** Returns the turn with this id; null if there is none. */
  async find(id: string): Promise<UsageRecord | null> {
    await this.writer.flush();
    return await this.database.read(async (manager) => await manager.findOneBy(UsageRecord, { id }));
  }
}

async function pageOf(manager: EntityManager, query: TurnQuery): Promise<TurnPage> {
  const { except, most } = query;
  const range = rangeOf(query);
  const filter = filterOf(query);
  const scanned = Math.min(limits.scannedTurns, filter.isNarrow ? Infinity : most + 1 + except.length);
  const ids = await manager.query<{ id: string }[]>(
    `SELECT id FROM (
       SELECT * FROM usage_record AS turn WHERE ${range.sql} ORDER BY at DESC, id DESC LIMIT ${literal(scanned)}
     ) AS turn WHERE ${filter.sql} ORDER BY at DESC, id DESC LIMIT ${literal(most + 1)}`,
    [...range.parameters, ...filter.parameters],
  );
  const shown = ids.slice(0, most).map((it) => it.id);
  const turns = await turnsWith(manager, shown);
  const last = turns.at(-1);
  if (ids.length > most && last !== undefined) return { turns, next: last };
  const [end] = await manager.query<TurnPlace[]>(
    `SELECT at, id FROM usage_record AS turn WHERE ${range.sql}
     ORDER BY at DESC, id DESC LIMIT 1 OFFSET ${literal(scanned - 1)}`,
    range.parameters,
  );
  return { turns, next: end ?? null };
}

async function turnsWith(manager: EntityManager, ids: readonly string[]): Promise<UsageRecord[]> {
  if (ids.length === 0) return [];
  return await manager
    .createQueryBuilder(UsageRecord, 'turn')
    .where(`turn.id IN (${textsOfJson(':ids')})`, { ids: JSON.stringify(ids) })
    .orderBy('turn.at', 'DESC')
    .addOrderBy('turn.id', 'DESC')
    .getMany();
}

interface Condition {
  readonly sql: string;
  readonly parameters: readonly string[];
}

function rangeOf({ from, to, after }: TurnQuery): Condition & { readonly parameters: string[] } {
  const parts = [`at >= ${literal(from ?? 0)}`, `at < ${literal(to ?? Number.MAX_SAFE_INTEGER)}`];
  if (after !== null) parts.push(`at <= ${literal(after.at)} AND (at < ${literal(after.at)} OR id < ?)`);
  return { sql: parts.join(' AND '), parameters: after === null ? [] : [after.id] };
}

/** `isNarrow`: it leaves out more than `except`. */
function filterOf(query: TurnQuery): Condition & { readonly isNarrow: boolean } {
  const { accountId, session, outcome, model, projects, except } = query;
  const conditions: Condition[] = [
    ...equal('account_id = ?', accountId),
    ...equal('session = ?', session),
    ...equal('model = ?', model),
    ...(outcome === undefined
      ? []
      : [{ sql: '(outcome = ? OR last_outcome = ?)', parameters: [outcome, outcome] }]),
    ...equal(
      `project IN (${textsOfJson('?')})`,
      projects === undefined ? projects : JSON.stringify(projects),
    ),
  ];
  const all = [
    ...conditions,
    { sql: `id NOT IN (${textsOfJson('?')})`, parameters: [JSON.stringify(except)] },
  ];
  return {
    sql: all.map((it) => it.sql).join(' AND '),
    parameters: all.flatMap((it) => it.parameters),
    isNarrow: conditions.length > 0,
  };
}

function equal(sql: string, value: string | undefined): Condition[] {
  return value === undefined ? [] : [{ sql, parameters: [value] }];
}
