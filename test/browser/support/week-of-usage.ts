import { createHash, randomUUID } from 'node:crypto';
import { chooseDriver } from '../../../src/storage/database-driver.js';
import { openFile } from '../../../src/storage/database-file.js';
import { projectOf } from '../../../src/usage/project/project.js';
import { projectNames } from '../../../src/usage/project/project-table.js';
import { ProjectRow } from '../../../src/usage/project/project.entity.js';
import { QuotaSample } from '../../../src/usage/quota-sample.entity.js';
import { UsageRecord } from '../../../src/usage/sums/usage-record.entity.js';
import { quotaSamples, usageRecords, usageTables } from '../../../src/usage/usage-tables.js';
import { SeededRandom } from '../../support/seeded-random.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WINDOWS = [
  { durationSeconds: 5 * 3_600, perTurn: 0.013 },
  { durationSeconds: 7 * 86_400, perTurn: 0.0016 },
] as const;

const entities = usageTables.flatMap((it) => [...it.entities]);
const salt = createHash('sha256').update('made up').digest('base64url');

interface UsedProject {
  readonly name: string;
  /** Of the turns; 0 to 1. */
  readonly share: number;
  /** The model of most turns. */
  readonly model: string;
}

const projects: readonly [UsedProject, ...UsedProject[]] = [
  { name: 'lighthouse', share: 0.42, model: 'gpt-5.5' },
  { name: 'garden-planner', share: 0.26, model: 'gpt-5.5-mini' },
  { name: 'tide-tables', share: 0.2, model: 'gpt-5.5' },
  { name: 'star-charts', share: 0.12, model: 'gpt-5.5-codex' },
];

/** Turns at each hour of a day, of people who work at daytime and rest at noon. */
const perHour = [0, 0, 0, 0, 0, 0, 0, 1, 5, 11, 14, 12, 4, 9, 15, 13, 10, 6, 2, 1, 3, 2, 0, 0] as const;

/** An account, by its identity and its share of the turns. */
export interface UsedAccount {
  readonly id: string;
  readonly share: number;
}

/**
 * Writes a made-up week into the database of a program that does not run: turns, their sums, names of projects, and the
 * history of the quota windows. The same for the same time, apart from ids.
 * @param path of the database; the file exists
 * @param now end of the week, epoch ms
 * @param hourNow the hour of the day at that time, where the page is looked at
 */
export async function writeWeekOfUsage(
  path: string,
  accounts: readonly [UsedAccount, ...UsedAccount[]],
  now: number,
  hourNow: number,
): Promise<void> {
  const random = new SeededRandom(17);
  const turns = timesOf(random, now, hourNow).map((at) => turnAt(at, random, accounts));
  const file = await openFile(path, chooseDriver('node'), entities);
  if (file.kind !== 'open') throw new Error('the database comes from a newer version');
  try {
    await file.source.transaction(async (manager) => {
      for (let from = 0; from < turns.length; from += 100)
        await usageRecords.write(manager, turns.slice(from, from + 100));
      await projectNames.write(
        manager,
        projects.map(({ name }) =>
          Object.assign(new ProjectRow(), { hash: hashOf(name), name, salt, seenAt: now - HOUR }),
        ),
      );
      for (const { id } of accounts)
        await quotaSamples.write(manager, samplesOf(turns.filter((it) => it.accountId === id)));
    });
  } finally {
    await file.source.destroy();
  }
}

const hashOf = (project: string): string =>
  projectOf({ path: `/made-up/${project}`, remote: null }, salt)?.hash ?? '';

/** The times of all turns, oldest first. Weekends are quiet. */
function timesOf(random: SeededRandom, now: number, hourNow: number): number[] {
  const hours = Array.from({ length: 7 * 24 }, (_, ago) => ago).toReversed();
  return hours.flatMap((ago) => {
    const end = now - ago * HOUR;
    const isQuiet = Math.floor((ago + 23 - hourNow) / 24) % 7 >= 5;
    const mean = (perHour[(((hourNow - ago) % 24) + 24) % 24] ?? 0) * (isQuiet ? 0.15 : 1);
    const count = Math.round(mean * random.between(0.6, 1.3));
    // The last minutes are left to the turns that the program serves itself.
    return Array.from({ length: count }, () => end - random.between(10 * MINUTE, HOUR)).toSorted(
      (a, b) => a - b,
    );
  });
}

function turnAt(
  at: number,
  random: SeededRandom,
  accounts: readonly [UsedAccount, ...UsedAccount[]],
): UsageRecord {
  const project = drawn(projects, random);
  const account = drawn(accounts, random);
  const input = Math.round(random.between(12_000, 88_000));
  const output = Math.round(random.between(250, 2_600));
  const hasMoved = random.happens(0.02);
  return Object.assign(new UsageRecord(), {
    id: randomUUID(),
    at: Math.round(at),
    accountId: account.id,
    session: createHash('sha256')
      .update(`${project.name} ${Math.floor(at / (4 * HOUR))}`)
      .digest('hex'),
    thread: null,
    model: random.happens(0.85) ? project.model : 'gpt-5.5-mini',
    effort: random.happens(0.7) ? 'high' : 'medium',
    project: hashOf(project.name),
    frontEnd: random.happens(0.75) ? 'codex_cli_rs' : 'codex_vscode',
    route: 'turn',
    movedFrom: null,
    decidedBy: random.happens(0.9) ? 'affinity' : 'policy',
    lastOutcome: 'success',
    firstRefusal: null,
    accountsTried: hasMoved ? 2 : 1,
    status: 200,
    outcome: 'complete',
    attempts: hasMoved ? 2 : 1,
    firstByteMs: Math.round(600 + 2_400 * random.next() ** 3),
    totalMs: Math.round(random.between(4_000, 40_000)),
    bytes: output * 120,
    input,
    cached: Math.round(input * random.between(0.7, 0.92)),
    output,
    reasoning: Math.round(output * random.between(0.2, 0.5)),
  });
}

/** One of these, by their shares. */
function drawn<T extends { readonly share: number }>(items: readonly [T, ...T[]], random: SeededRandom): T {
  let left = random.next();
  return items.find((it) => (left -= it.share) < 0) ?? items[0];
}

/** The windows of an account after each of its turns: full ones stay full until they begin anew. */
function samplesOf(turns: readonly UsageRecord[]): QuotaSample[] {
  return WINDOWS.flatMap(({ durationSeconds, perTurn }) => {
    let resetsAt = 0;
    let usedRatio = 0;
    return turns.map(({ at, accountId }) => {
      if (at >= resetsAt) [resetsAt, usedRatio] = [at + durationSeconds * 1_000, 0];
      usedRatio = Math.min(1, Math.round((usedRatio + perTurn) * 1_000) / 1_000);
      return Object.assign(new QuotaSample(), {
        accountId,
        durationSeconds,
        seenAt: at,
        usedRatio,
        resetsAt,
      });
    });
  });
}

/** A zone in which it is the afternoon now, and the hour there: a page that is looked at by day has more to show. */
export function afternoonZone(now: number): { readonly zone: string; readonly hour: number } {
  const hour = 15;
  const ahead = ((hour - new Date(now).getUTCHours() + 36) % 24) - 12;
  // The signs of these names are the other way round.
  return { zone: `Etc/GMT${ahead > 0 ? '-' : '+'}${Math.abs(ahead)}`, hour };
}
