import { createInterface } from 'node:readline/promises';
import { z } from 'zod';
import { type AccountView, changedAccountSchema } from '../../api/account.js';
import { reloadResultSchema, removedAccountSchema } from '../../api/pool-files.js';
import { clock } from '../../wording/times.js';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';
import { NotReachableError, type ProxyClient } from '../command/proxy-client.js';
import { connect } from './connection.js';
import { listFiles, removeFile } from './pool-files.js';
import { askAccounts, replyAs, withoutIdentity } from './pool-reply.js';
import { fitted, inOneLine, widthOf } from './text-width.js';
import { type PauseEnd, pauseEnd, refuseSeveral } from './pause-end.js';

const pathOf = (name: string) => `/admin/accounts/${encodeURIComponent(name)}`;

/** Lists the accounts with their states; without a running proxy, the files of the pool folder. */
export async function listAccounts({ json }: { readonly json: boolean }, output: Output): Promise<void> {
  const accounts = await orOffline(
    async () => (await askAccounts(connect())).map(withoutIdentity),
    listFiles,
  );
  if (json) return output.json(accounts);
  const names = Math.max(0, ...accounts.map((it) => widthOf(it.name)));
  for (const { name, sentence } of accounts)
    output.line(`${output.style('bold', fitted(name, names))}  ${inOneLine(sentence)}`);
  if (accounts.length === 0) output.line('No account yet. Add one: codex-pool login');
}

/** Takes an account out, for a time or until it is resumed. @throws CommandError */
export async function pauseAccount(name: string, flags: PauseEnd, output: Output): Promise<void> {
  refuseSeveral(flags);
  const client = connect();
  const account = flags.untilReset ? await accountNamed(client, name) : null;
  const pausedUntil = pauseEnd(flags, account, Date.now());
  const view = await change(client, name, { paused: true, pausedUntil });
  const until = pausedUntil === null ? 'until resumed' : `until ${clock(pausedUntil, Date.now())}`;
  output.line(
    `${inOneLine(name)} is paused ${until}. Its running turns go on.${storedWords(view.persisted)}`,
  );
}

export async function resumeAccount(name: string, output: Output): Promise<void> {
  const view = await change(connect(), name, { paused: false });
  output.line(`${inOneLine(name)}: ${view.sentence}${storedWords(view.persisted)}`);
}

/** `refresh`: its token; `poll`: its quota; `reset`: forgets its cooldowns. @throws CommandError */
export async function actOnAccount(
  name: string,
  action: 'refresh' | 'poll' | 'reset',
  output: Output,
): Promise<void> {
  const client = connect();
  await client.ask('POST', `${pathOf(name)}/${action}`);
  const account = await accountNamed(client, name);
  output.line(`${inOneLine(name)}: ${account.sentence}`);
}

/** Moves the file of an account out of the pool, after a question. @throws CommandError */
export async function removeAccount(
  name: string,
  { yes }: { readonly yes: boolean },
  output: Output,
): Promise<void> {
  if (!yes && !(await confirmed(`Remove ${inOneLine(name)} from the pool? Its file moves to .removed/.`)))
    throw new CommandError('Nothing was removed.');
  const { movedTo } = await orOffline(
    async () =>
      replyAs(removedAccountSchema, await connect().ask('DELETE', pathOf(name)), 'DELETE /admin/accounts'),
    async () => await removeFile(name),
  );
  output.line(`${inOneLine(name)} is removed. Its file is kept as ${movedTo} for 30 days.`);
}

/** Reads the pool folder now, and reports each file. @throws CommandError with code 1 if a file is not usable */
export async function reload({ json }: { readonly json: boolean }, output: Output): Promise<void> {
  const body = await connect().ask('POST', '/admin/reload');
  const files = replyAs(z.array(reloadResultSchema), body, '/admin/reload');
  if (json) output.json(files);
  else
    for (const { name, result, reason } of files)
      output.line(`${inOneLine(name)}: ${result}${reason === null ? '' : ` (${inOneLine(reason)})`}`);
  if (files.some((it) => it.result === 'broken')) throw new CommandError('', exitCodes.finding);
}

async function change(client: ProxyClient, name: string, changes: object) {
  const body = await client.ask('PATCH', pathOf(name), changes);
  return replyAs(changedAccountSchema, body, 'PATCH /admin/accounts');
}

function storedWords(persisted: boolean): string {
  return persisted ? '' : ' It is not stored yet: a restart may undo it.';
}

async function accountNamed(client: ProxyClient, name: string): Promise<AccountView> {
  const accounts = await askAccounts(client);
  const found = accounts.find((it) => it.name === name);
  if (found !== undefined) return found;
  throw new CommandError(
    `The pool has no account ${inOneLine(name)}; it has ${accounts.map((it) => inOneLine(it.name)).join(', ') || 'none'}.`,
  );
}

/** Asks the running proxy; if none answers, does without. */
async function orOffline<T, U>(ask: () => Promise<T>, offline: () => Promise<U>): Promise<T | U> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof NotReachableError) return await offline();
    throw error;
  }
}

/** @throws CommandError if there is no terminal to ask on */
async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new CommandError(`${question} There is no terminal to ask on: add --yes.`, exitCodes.wrongUse);
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(?:es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
