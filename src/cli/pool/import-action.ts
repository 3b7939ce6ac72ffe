import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { importResultSchema } from '../../api/pool-files.js';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { ImportRefusedError } from '../../tokens/tokens.errors.js';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';
import { connect } from './connection.js';
import { orOffline } from './or-offline.js';
import { addFile } from './pool-files.js';
import { replyAs } from './pool-reply.js';
import { inOneLine } from '../command/text-width.js';

const MAX_BYTES = 1_024 * 1_024;

export interface ImportFlags {
  readonly name?: string;
  readonly json: boolean;
}

interface ImportLine {
  readonly file: string;
  readonly ok: boolean;
  readonly sentence: string;
}

/** Adds each `auth.json` to the pool, and reports each. @throws CommandError with code 1 if one was refused */
export async function importFiles(
  files: readonly string[],
  { name, json }: ImportFlags,
  output: Output,
): Promise<void> {
  if (name !== undefined && files.length > 1)
    throw new CommandError('--name goes with one file only.', exitCodes.wrongUse);
  const lines: ImportLine[] = [];
  for (const file of files) lines.push({ file, ...(await importOne(file, name ?? null)) });
  if (json) output.json(lines);
  else for (const it of lines) output.line(`${inOneLine(it.file)}: ${inOneLine(it.sentence)}`);
  if (lines.some((it) => !it.ok)) throw new CommandError('', exitCodes.finding);
}

async function importOne(file: string, name: string | null): Promise<Omit<ImportLine, 'file'>> {
  try {
    const auth = await documentIn(file);
    return { ok: true, sentence: await add(auth, name) };
  } catch (error) {
    if (error instanceof CommandError || error instanceof ImportRefusedError)
      return { ok: false, sentence: error.message };
    throw error;
  }
}

async function add(auth: unknown, name: string | null): Promise<string> {
  return await orOffline(
    async () => {
      const body = await connect().ask('POST', '/admin/accounts', { name, auth });
      const results = z.array(importResultSchema).or(importResultSchema);
      const [result] = [replyAs(results, body, 'POST /admin/accounts')].flat();
      if (result === undefined) throw new CommandError('The proxy imported nothing.');
      if (result.result === 'refused') throw new CommandError(result.detail);
      return result.result === 'added' ? `added as ${result.name}` : `${result.name} has its new login`;
    },
    async () => `added as ${await addFile(auth, name)}; no proxy runs, the next start uses it`,
  );
}

/** Reads a file, or standard input for `-`. @throws CommandError that quotes nothing of it */
async function documentIn(file: string): Promise<unknown> {
  const text = file === '-' ? await standardInput() : await textOf(file);
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')); // editors of Windows put a BOM there
  } catch {
    throw new CommandError(
      text.trim() === ''
        ? 'It is empty. Import the auth.json that `codex login` wrote.'
        : 'It is not JSON. Import the auth.json that `codex login` wrote.',
    );
  }
}

async function textOf(file: string): Promise<string> {
  try {
    const { size } = await regularFile(file);
    if (size > MAX_BYTES) throw new CommandError('It is too large to be an auth.json.');
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof CommandError) throw error;
    const isMissing = errorCode(error) === 'ENOENT';
    throw new CommandError(isMissing ? 'No such file.' : `It cannot be read: ${describeError(error)}`);
  }
}

async function regularFile(file: string) {
  const found = await stat(file);
  if (found.isDirectory()) throw new CommandError('It is a folder. Name the files in it, such as auth.json.');
  if (!found.isFile()) throw new CommandError('It is no regular file.');
  return found;
}

async function standardInput(): Promise<string> {
  if (process.stdin.isTTY)
    throw new CommandError('`-` reads an auth.json from a pipe, but the input is a terminal.');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new CommandError('It is too large to be an auth.json.');
  }
  return Buffer.concat(chunks).toString('utf8');
}
