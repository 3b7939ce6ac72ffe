import { z } from 'zod';
import { accountSchema } from '../../api/account.js';
import { poolProblemSchema, summarySchema, verdictSchema } from '../../api/summary.js';
import { isRecord } from '../../runtime/is-record.js';
import { CommandError } from '../command/command-error.js';
import type { ProxyClient } from '../command/proxy-client.js';

/** The members that commands read; words that a newer proxy has added are taken as they are. */
const poolSummary = summarySchema
  .pick({ version: true, now: true, windows: true, meters: true, today: true, accounts: true, ready: true })
  .extend({
    verdict: verdictSchema.extend({ kind: z.string() }),
    problems: z.array(
      poolProblemSchema
        .pick({ code: true, account: true, sentence: true })
        .extend({ action: z.string().nullable() }),
    ),
  });
export type PoolSummary = z.infer<typeof poolSummary>;
export type ShownProblem = PoolSummary['problems'][number];

const poolAccount = accountSchema
  .pick({ name: true, label: true, sentence: true, inFlight: true, plan: true, windows: true })
  .extend({ state: z.string() });
export type PoolAccount = z.infer<typeof poolAccount>;

/** The pool as a running proxy shows it. */
export interface PoolReply {
  readonly summary: PoolSummary;
  readonly accounts: readonly PoolAccount[];
  /** The replies as they came, with members of other versions, but without the owners of accounts. */
  readonly whole: { readonly summary: unknown; readonly accounts: readonly unknown[] };
}

/** @throws CommandError */
export async function askPool(client: ProxyClient): Promise<PoolReply> {
  const [summary, accounts] = await Promise.all([
    client.ask('GET', '/admin/summary'),
    client.ask('GET', '/admin/accounts'),
  ]);
  return {
    summary: replyAs(poolSummary, summary, '/admin/summary'),
    accounts: replyAs(poolAccount.array(), accounts, '/admin/accounts'),
    whole: { summary, accounts: Array.isArray(accounts) ? accounts.map(withoutIdentity) : [] },
  };
}

/** @throws CommandError */
export async function askSummary(client: ProxyClient): Promise<PoolSummary> {
  return replyAs(poolSummary, await client.ask('GET', '/admin/summary'), '/admin/summary');
}

/** @throws CommandError */
export async function askAccounts(client: ProxyClient): Promise<readonly PoolAccount[]> {
  return replyAs(poolAccount.array(), await client.ask('GET', '/admin/accounts'), '/admin/accounts');
}

/**
 * Reads a reply. Members that this version does not know are ignored.
 * @throws CommandError if a member is missing, as in the reply of another version
 */
export function replyAs<T>(schema: z.ZodType<T>, body: unknown, path: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new CommandError(
    `The reply to ${path} is not as expected${where === '' ? '' : ` (at ${where})`}: the proxy is probably another version of codex-pool. Restart it with this one.`,
  );
}

/** Returns an account of a reply without what identifies its owner. */
export function withoutIdentity(account: unknown): unknown {
  if (!isRecord(account)) return account;
  const { email: _e, accountId: _a, userId: _u, ...view } = account;
  return view;
}
