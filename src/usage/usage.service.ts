import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { EntityManager } from 'typeorm';
import { limits } from '../config/limits.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { DaySums, localDay, type TurnCounts } from './sums/day-sums.js';
import { type Project, type ProjectPlace, shortName } from './project/project.js';
import { Projects } from './project/projects.js';
import { Database } from '../storage/database.js';
import type { TokenCount } from './sums/token-columns.js';
import { addUsage, countsAsTurn, IS_TURN, noUsage, type UsageSums } from './sums/rollup-sums.js';
import { UsageDay } from './sums/usage-day.entity.js';
import { UsageRecord } from './sums/usage-record.entity.js';
import { usageRecords } from './usage-tables.js';
import { WriteBehind } from '../storage/write-behind.js';

/** Sums over the turns of an account. */
export type UsageTotals = Readonly<UsageSums>;

/** The names that a turn's request gives; null for each that it does not give. */
export interface TurnNames {
  readonly model: string | null;
  readonly effort: string | null;
  readonly frontEnd: string | null;
  /** Hash of the thread. */
  readonly thread: string | null;
  readonly project: Project | null;
}

/** The names as the client gives them. */
export interface GivenNames extends Omit<TurnNames, 'project'> {
  readonly workspace: ProjectPlace | null;
}

/** The facts of an ended turn. Its record is made from them. */
export interface TurnFacts extends Omit<UsageRecord, keyof TokenCount | keyof TurnNames> {
  /** Null if the stream reported none. */
  readonly tokens: TokenCount | null;
}

/** How a turn ended. `hasFailed`: the client got an error, or a response that broke off. */
export interface TurnEnd {
  /** More than one account was tried. */
  readonly isFailedOver: boolean;
  readonly hasFailed: boolean;
}

const noTokens: TokenCount = { input: 0, cached: 0, output: 0, reasoning: 0 };

/** Token usage: totals in memory, by the account's identity, and a record of every turn. */
@Injectable()
export class UsageService implements OnModuleInit {
  private readonly byAccount = new LRUCache<string, UsageSums>({ max: limits.accountsWithTotals });
  private readonly days = new DaySums();
  private hasTurns = false;

  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
    private readonly projects: Projects,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Restores the totals from the recorded sums. */
  async onModuleInit(): Promise<void> {
    await this.database.restore('starting with totals at zero: the database cannot be read', (manager) =>
      this.restore(manager),
    );
  }

  totals(accountId: string): UsageTotals {
    return this.byAccount.get(accountId) ?? noUsage();
  }

  /** Whether a turn was ever served, as far as the records go. */
  get hasServedTurns(): boolean {
    return this.hasTurns;
  }

  /** Returns the part of the totals since midnight of this machine's zone. */
  today(accountId: string): UsageTotals {
    return this.days.ofAccount(this.clock.now(), accountId);
  }

  /** Returns the sums over all turns since midnight. The counts begin at the start of the program if that was later. */
  todayOfAll(): Readonly<UsageSums & TurnCounts> {
    return this.days.ofAll(this.clock.now());
  }

  /** Counts the end of a turn that began at a time (epoch ms), also of one that reached no account. */
  ended(startedAt: number, { isFailedOver, hasFailed }: TurnEnd): void {
    this.days.count(startedAt, { failovers: isFailedOver ? 1 : 0, failed: hasFailed ? 1 : 0 });
  }

  /** Returns the names in the form of the records: short, and with the project in place of its folder. */
  named({ workspace, model, effort, frontEnd, thread }: GivenNames): TurnNames {
    // A lone surrogate, also one that a cut leaves of an emoji, is stored as U+FFFD: two of them would be one key.
    return {
      model: model?.toWellFormed() ?? null,
      effort: effort?.toWellFormed() ?? null,
      frontEnd: frontEnd === null ? null : shortName(frontEnd),
      thread,
      project: this.projects.of(workspace),
    };
  }

  /** Counts a turn and records it. */
  record(turn: TurnFacts, names: TurnNames): void {
    const counts = turn.tokens ?? noTokens;
    const sums = { ...counts, turns: countsAsTurn(turn) ? 1 : 0 };
    this.add(turn.accountId, sums);
    this.days.add(turn.at, turn.accountId, sums);
    this.writer.enqueue(usageRecords, rowOf(turn, names, counts));
  }

  private add(accountId: string, more: UsageTotals): void {
    const sums = this.byAccount.get(accountId) ?? noUsage();
    addUsage(sums, more);
    this.byAccount.set(accountId, sums);
    if (more.turns > 0) this.hasTurns = true;
  }

  private async restore(manager: EntityManager): Promise<void> {
    const query = manager
      .createQueryBuilder(UsageDay, 'r')
      .select('r.account_id', 'accountId')
      .groupBy('r.account_id');
    for (const name of ['turns', 'input', 'cached', 'output', 'reasoning'] as const) {
      query.addSelect(`SUM(r.${name})`, name);
    }
    const rows = await query.getRawMany<SummedRow>();
    for (const it of rows) this.add(String(it.accountId), sumsOf(it));
    await this.restoreToday(manager);
  }

  private async restoreToday(manager: EntityManager): Promise<void> {
    const { start, end } = localDay(this.clock.now());
    const query = manager
      .createQueryBuilder(UsageRecord, 'turn')
      .select('turn.account_id', 'accountId')
      .addSelect(`SUM(${IS_TURN})`, 'turns')
      .where('turn.at >= :start AND turn.at < :end', { start, end })
      .groupBy('turn.account_id');
    for (const name of ['input', 'cached', 'output', 'reasoning'] as const)
      query.addSelect(`SUM(turn.${name})`, name);
    const rows = await query.getRawMany<SummedRow>();
    for (const it of rows) this.days.add(start, String(it.accountId), sumsOf(it));
  }
}

type SummedRow = Record<'accountId' | keyof UsageSums, unknown>;

function sumsOf(row: SummedRow): UsageSums {
  return {
    turns: Number(row.turns),
    input: Number(row.input),
    cached: Number(row.cached),
    output: Number(row.output),
    reasoning: Number(row.reasoning),
  };
}

/** Sets each field by itself: a copy of whole objects costs several times as much. */
function rowOf(turn: TurnFacts, names: TurnNames, counts: TokenCount): UsageRecord {
  const row = new UsageRecord();
  row.id = turn.id;
  row.at = turn.at;
  row.accountId = turn.accountId;
  row.session = turn.session;
  row.model = names.model;
  row.effort = names.effort;
  row.thread = names.thread;
  row.project = names.project?.hash ?? null;
  row.frontEnd = names.frontEnd;
  row.route = turn.route;
  row.movedFrom = turn.movedFrom;
  row.decidedBy = turn.decidedBy;
  row.lastOutcome = turn.lastOutcome;
  row.firstRefusal = turn.firstRefusal;
  row.accountsTried = turn.accountsTried;
  row.status = turn.status;
  row.outcome = turn.outcome;
  row.attempts = turn.attempts;
  row.firstByteMs = turn.firstByteMs;
  row.totalMs = turn.totalMs;
  row.bytes = turn.bytes;
  row.input = counts.input;
  row.cached = counts.cached;
  row.output = counts.output;
  row.reasoning = counts.reasoning;
  return row;
}
