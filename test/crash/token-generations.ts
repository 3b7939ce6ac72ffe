import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';

/** The newest generation of an account's tokens in each place, as an index into all that were issued; -1 for none. */
export interface TokenGenerations {
  /** The newest that the token endpoint has issued. */
  readonly issued: number;
  /** The newest in the credential file. */
  readonly inFile: number;
  /** The newest anywhere on disk, including the journal. */
  readonly onDisk: number;
}

/** Searches all files for the tokens of an account, as text, so that it does not depend on the journal's format. */
export async function tokenGenerations(
  fakeUpstream: FakeUpstream,
  account: string,
  folder: string,
): Promise<TokenGenerations> {
  const issued = fakeUpstream.account(account).refreshTokens();
  const file = await readFile(join(folder, 'pool', `${account}.json`), 'latin1');
  const texts = [file, ...(await allTexts(join(folder, 'pool'))), ...(await allTexts(join(folder, 'data')))];
  return {
    issued: issued.length - 1,
    inFile: issued.findLastIndex((it) => file.includes(it)),
    onDisk: issued.findLastIndex((it) => texts.some((text) => text.includes(it))),
  };
}

async function allTexts(folder: string): Promise<string[]> {
  const texts: string[] = [];
  for (const name of await namesIn(folder)) {
    if (/\.db(-|$)/.test(name)) continue;
    const path = join(folder, name);
    const text = await textOf(path);
    if (text !== null) texts.push(text);
  }
  return texts;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder, { recursive: true });
  } catch {
    return []; // the program was killed before it made the folder
  }
}

/** Null if the path is not a file or is gone: a running process removes its temporary files. */
async function textOf(path: string): Promise<string | null> {
  try {
    return (await stat(path)).isFile() ? await readFile(path, 'latin1') : null;
  } catch {
    return null;
  }
}
