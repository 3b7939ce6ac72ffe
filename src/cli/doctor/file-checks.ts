import { access, constants, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { type Credential, identityOf, parseCredential } from '../../tokens/credential-file/credential.js';
import { otherLoginIn } from '../../tokens/credential-file/other-login.js';
import { codexHome } from '../codex-config/codex-home.js';
import { CommandError } from '../command/command-error.js';
import type { Examined } from './examined.js';
import { type CheckResult, fault, type Finding, note } from './finding.js';

const OTHERS = 0o077;

interface Login {
  readonly name: string;
  readonly path: string;
  readonly credential: Credential;
}

/** Checks the pool folder: its rights, and each file in it. */
export async function poolCheck(examined: Examined): Promise<CheckResult> {
  const { config, listener } = examined;
  if (config === null) return { check: 'Pool folder', fact: 'unknown', findings: [] };
  const folder = config.poolDir;
  const findings = await folderFindings(folder, 'pool');
  const files = await filesIn(folder);
  const logins: Login[] = [];
  for (const file of files) {
    const read = await loginIn(folder, file);
    if ('credential' in read) logins.push(read);
    else findings.push(read);
    findings.push(...(await openFile(join(folder, file))));
  }
  if (files.length === 0) {
    findings.push(
      fault(
        'pool-empty',
        `The pool folder ${folder} has no account.`,
        'No turn can be served.',
        'codex-pool login',
      ),
    );
  }
  if (listener.kind === 'none') findings.push(...expired(logins), ...(await pendingJournal(folder)));
  findings.push(...(await sharedLogins(logins, examined.env)));
  return {
    check: 'Pool folder',
    fact: `${logins.length} usable of ${files.length} files in ${folder}`,
    findings,
  };
}

/** Checks the folder of the database. */
export async function dataCheck({ config }: Examined): Promise<CheckResult> {
  if (config === null) return { check: 'Data folder', fact: 'unknown', findings: [] };
  const folder = dirname(config.dbPath);
  return { check: 'Data folder', fact: folder, findings: await folderFindings(folder, 'data') };
}

async function folderFindings(folder: string, kind: 'pool' | 'data'): Promise<Finding[]> {
  try {
    const facts = await stat(folder);
    if (!facts.isDirectory())
      return [
        fault(
          `${kind}-no-folder`,
          `${folder} is no folder.`,
          'The program does not start.',
          `Move ${folder} away.`,
        ),
      ];
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    if (process.platform === 'win32' || (facts.mode & OTHERS) === 0) return [];
    return [
      fault(
        `${kind}-open`,
        `Other users of this machine can look into ${folder}.`,
        kind === 'pool' ? 'The logins are there.' : 'The record of your usage is there.',
        `chmod 700 ${folder}`,
      ),
    ];
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []; // a start creates it
    return [
      fault(
        `${kind}-not-writable`,
        `${folder} cannot be read and written: ${describeError(error)}.`,
        kind === 'pool' ? 'Refreshed tokens could not be saved.' : 'Usage could not be recorded.',
        `Make it yours: chown -R "$(id -un)" ${folder} && chmod u+rwx ${folder}`,
      ),
    ];
  }
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((it) => it.endsWith('.json') && !it.startsWith('.')).toSorted();
}

async function loginIn(folder: string, file: string): Promise<Login | Finding> {
  const path = join(folder, file);
  const broken = (reason: string) =>
    fault(
      'file-not-usable',
      `${file} is not usable: ${reason}.`,
      'Its account serves nothing.',
      `codex-pool login --name ${file.replace(/\.json$/, '')}`,
    );
  try {
    const parsed = parseCredential(await readFile(path, 'utf8'));
    if (parsed.kind === 'broken') return broken(parsed.reason);
    return { name: file.replace(/\.json$/, ''), path, credential: parsed.credential };
  } catch (error) {
    return broken(describeError(error));
  }
}

async function openFile(path: string): Promise<readonly Finding[]> {
  const facts = await stat(path).catch(() => null);
  if (facts === null || process.platform === 'win32' || (facts.mode & OTHERS) === 0) return [];
  return [
    fault(
      'file-open',
      `Other users of this machine can read ${path}.`,
      'It holds a login.',
      `chmod 600 ${path}`,
    ),
  ];
}

function expired(logins: readonly Login[]): readonly Finding[] {
  const ended = logins.filter(
    ({ credential: { expiresAt } }) => expiresAt !== null && expiresAt <= Date.now(),
  );
  return ended.map(({ name }) =>
    note(
      'token-ended',
      `The token of ${name} has ended while no proxy ran.`,
      'The next start refreshes it; if that is refused, the account needs a new login.',
      'codex-pool start',
    ),
  );
}

async function pendingJournal(folder: string): Promise<readonly Finding[]> {
  const journal = join(folder, '.journal');
  const names = await readdir(journal).catch(() => []);
  const pending: string[] = [];
  for (const name of names) {
    const bytes = await readFile(join(journal, name)).catch(() => Buffer.alloc(0));
    if (bytes.includes('"unsaved":{')) pending.push(name);
  }
  if (pending.length === 0) return [];
  return [
    fault(
      'journal-pending',
      `A refresh was cut off: ${journal} holds tokens that are not yet in their files.`,
      'They are the newest ones; the old ones may be spent.',
      'Start the proxy, which saves them: codex-pool start',
    ),
  ];
}

/** Finds accounts whose login Codex itself goes on using, from a copy. */
async function sharedLogins(logins: readonly Login[], env: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const codex = await codexLogin(env);
  if (codex === null) return [];
  const id = identityOf('', codex.credential);
  const copies = logins.filter((it) => identityOf('', it.credential) === id);
  const foreign: Login[] = [];
  for (const it of copies) if ((await inodeOf(it.path)) !== (await inodeOf(codex.path))) foreign.push(it);
  return foreign.map(({ name, path }) =>
    fault(
      'login-shared',
      `${name} and Codex's own login are the same account, in two files.`,
      'Two programs that refresh one login lock each other out, and `codex logout` ends it for both.',
      `Link it: ln -sf ${codex.path} ${path}; or give the pool a login of its own: codex-pool login --name ${name}`,
    ),
  );
}

async function codexLogin(env: NodeJS.ProcessEnv): Promise<{ path: string; credential: Credential } | null> {
  try {
    const path = codexHome(env).loginFile;
    const text = await readFile(path, 'utf8');
    const parsed = parseCredential(text);
    if (parsed.kind === 'broken' || otherLoginIn(JSON.parse(text)) !== null) return null;
    return { path, credential: parsed.credential };
  } catch (error) {
    if (error instanceof CommandError || error instanceof SyntaxError || errorCode(error) !== null)
      return null;
    throw error;
  }
}

/** Returns what tells one file from another, whatever its path. */
async function inodeOf(path: string): Promise<string> {
  const { dev, ino } = await stat(await realpath(path));
  return `${dev}:${ino}`;
}
