import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';

/** Which generation of an account's tokens is where, as index into all that were ever issued; -1 for none. */
export interface KeptTokens {
  /** The newest that the token endpoint has issued. */
  readonly issued: number;
  /** The newest that the credential file holds. */
  readonly inFile: number;
  /** The newest anywhere on disk, the journal included. */
  readonly onDisk: number;
}

/** Looks on the disk for the tokens of an account. The form of the journal is none of our business: text is searched. */
export async function keptTokens(
  fakeUpstream: FakeUpstream,
  account: string,
  folder: string,
): Promise<KeptTokens> {
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
    return []; // it was killed before it made the folder
  }
}

/** Null for what is no file, or is gone: a live process removes its temporary files. */
async function textOf(path: string): Promise<string | null> {
  try {
    return (await stat(path)).isFile() ? await readFile(path, 'latin1') : null;
  } catch {
    return null;
  }
}
