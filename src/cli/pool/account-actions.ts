import { z } from 'zod';
import { changedAccountSchema } from '../../api/account.js';
import { reloadResultSchema, removedAccountSchema } from '../../api/pool-files.js';
import { clock } from '../../wording/times.js';
import { cliSettings, originOf } from '../command/cli-settings.js';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';
import type { ProxyClient } from '../command/proxy-client.js';
import { confirm } from './confirm.js';
import { connect } from './connection.js';
import { orOffline } from './or-offline.js';
import { listFiles, othersOf, removeFile } from './pool-files.js';
import { askAccounts, askPool, type PoolAccount, replyAs, withoutIdentity } from './pool-reply.js';
import { fitted, inOneLine, widthOf } from '../command/text-width.js';
import { type PauseEnd, pauseEnd, refuseSeveral } from './pause-end.js';

const pathOf = (name: string) => `/admin/accounts/${encodeURIComponent(name)}`;

export interface JsonFlag {
  readonly json: boolean;
}

/** Lists the accounts with their states; without a running proxy, the files of the pool folder. */
export async function listAccounts({ json }: JsonFlag, output: Output): Promise<void> {
  const { shown, whole, empty } = await orOffline(
    async () => {
      const { accounts, whole: replies } = await askPool(connect());
      return { shown: accounts, whole: replies.accounts, empty: 'No account yet. Add one: codex-pool login' };
    },
    async () => {
      const files = await listFiles();
      return { shown: files, whole: files, empty: noFiles() };
    },
  );
  if (json) return output.json(whole);
  const names = Math.max(0, ...shown.map((it) => widthOf(it.name)));
  for (const { name, sentence } of shown)
    output.line(`${output.style('bold', fitted(name, names))}  ${inOneLine(sentence)}`);
  if (shown.length === 0) output.line(empty);
}

function noFiles(): string {
  const settings = cliSettings();
  return `No account in ${settings.poolDir}, and no proxy at ${originOf(settings)}. Start it with \`codex-pool start\`, then run \`codex-pool login\`; or add a login that you have: codex-pool import FILE`;
}

/** Takes an account out, for a time or until it is resumed. @throws CommandError */
export async function pauseAccount(name: string, flags: PauseEnd & JsonFlag, output: Output): Promise<void> {
  refuseSeveral(flags);
  const client = connect();
  const account = flags.untilReset ? await accountNamed(client, name) : null;
  const pausedUntil = pauseEnd(flags, account, Date.now());
  const changed = await change(client, name, { paused: true, pausedUntil });
  if (flags.json) return output.json(changed.whole);
  const until = pausedUntil === null ? 'until resumed' : `until ${clock(pausedUntil, Date.now())}`;
  output.line(`${inOneLine(name)} is paused ${until}. Its running turns go on.${storedWords(changed)}`);
}

export async function resumeAccount(name: string, { json }: JsonFlag, output: Output): Promise<void> {
  const changed = await change(connect(), name, { paused: false });
  if (json) return output.json(changed.whole);
  output.line(`${inOneLine(name)}: ${inOneLine(changed.sentence)}${storedWords(changed)}`);
}

/** `refresh`: its token; `poll`: its quota; `reset`: forgets its cooldowns. @throws CommandError */
export async function actOnAccount(
  name: string,
  action: 'refresh' | 'poll' | 'reset',
  { json }: JsonFlag,
  output: Output,
): Promise<void> {
  const client = connect();
  await client.ask('POST', `${pathOf(name)}/${action}`);
  if (json) return output.json(withoutIdentity(await client.ask('GET', pathOf(name))));
  const account = await accountNamed(client, name);
  output.line(`${inOneLine(name)}: ${inOneLine(account.sentence)}`);
}

/** Moves the file of an account out of the pool, after a question. @throws CommandError */
export async function removeAccount(
  name: string,
  { yes, json }: JsonFlag & { readonly yes: boolean },
  output: Output,
): Promise<void> {
  if (!yes) await confirm(`Remove ${inOneLine(name)} from the pool? Its file moves to .removed/.`);
  const removed = await orOffline(
    async () =>
      replyAs(removedAccountSchema, await connect().ask('DELETE', pathOf(name)), 'DELETE /admin/accounts'),
    async () => ({ name, ...(await removeFile(name)) }),
  );
  if (json) return output.json(removed);
  output.line(`${inOneLine(name)} is removed. Its file is kept as ${removed.movedTo} for 30 days.`);
}

/** Reads the pool folder now, and reports each file. @throws CommandError with code 1 if a file is not usable */
export async function reload({ json }: JsonFlag, output: Output): Promise<void> {
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
  const changed = changedAccountSchema.pick({ sentence: true, persisted: true });
  return { ...replyAs(changed, body, 'PATCH /admin/accounts'), whole: withoutIdentity(body) };
}

function storedWords({ persisted }: { readonly persisted: boolean }): string {
  return persisted ? '' : ' It is not stored yet: a restart may undo it.';
}

async function accountNamed(client: ProxyClient, name: string): Promise<PoolAccount> {
  const accounts = await askAccounts(client);
  const found = accounts.find((it) => it.name === name);
  if (found !== undefined) return found;
  throw new CommandError(`The pool has no account ${inOneLine(name)}${othersOf(accounts)}.`);
}
