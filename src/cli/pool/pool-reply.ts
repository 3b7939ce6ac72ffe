import type { z } from 'zod';
import { type AccountView, accountSchema } from '../../api/account.js';
import { type Summary, summarySchema } from '../../api/summary.js';
import { CommandError } from '../command/command-error.js';
import type { ProxyClient } from '../command/proxy-client.js';

/** The pool as a running proxy shows it. */
export interface PoolReply {
  readonly summary: Summary;
  readonly accounts: readonly AccountView[];
}

/** @throws CommandError */
export async function askPool(client: ProxyClient): Promise<PoolReply> {
  const [summary, accounts] = await Promise.all([
    askFor(client, '/admin/summary', summarySchema),
    askAccounts(client),
  ]);
  return { summary, accounts };
}

/** @throws CommandError */
export async function askSummary(client: ProxyClient): Promise<Summary> {
  return await askFor(client, '/admin/summary', summarySchema);
}

/** @throws CommandError */
export async function askAccounts(client: ProxyClient): Promise<readonly AccountView[]> {
  return await askFor(client, '/admin/accounts', accountSchema.array());
}

/** Reads a reply. Members that this version does not know are ignored. */
async function askFor<T>(client: ProxyClient, path: string, schema: z.ZodType<T>): Promise<T> {
  return replyAs(schema, await client.ask('GET', path), path);
}

/** @throws CommandError if a member is missing, as in the reply of another version */
export function replyAs<T>(schema: z.ZodType<T>, body: unknown, path: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new CommandError(
    `The reply to ${path} is not as expected${where === '' ? '' : ` (at ${where})`}: the proxy is probably another version of codex-pool. Restart it with this one.`,
  );
}

/** Returns an account without what identifies its owner. */
export function withoutIdentity({ email: _e, accountId: _a, userId: _u, ...view }: AccountView) {
  return view;
}
