import type { Command } from 'commander';
import type { Output } from '../command/output.js';
import type { JsonFlag } from './account-actions.js';
import type { BackupFlags } from './backup-action.js';
import type { ImportFlags } from './import-action.js';
import type { LoginFlags } from './login-action.js';
import type { PauseEnd } from './pause-end.js';

/** Adds the commands that list and change the accounts. Each loads its modules when it runs. */
export function addPoolCommands(program: Command, output: Output): void {
  addViews(program, output);
  program.commandsGroup('Change the pool:');
  addLogins(program, output);
  addChanges(program, output);
}

function addViews(program: Command, output: Output): void {
  program
    .command('accounts')
    .description('List the accounts; without a running proxy, the files of the pool folder.')
    .option('--json', 'as JSON', false)
    .action(async (flags: JsonFlag) => {
      const { listAccounts } = await import('./account-actions.js');
      await listAccounts(flags, output);
    });
}

function addLogins(program: Command, output: Output): void {
  program
    .command('login')
    .description('Log an account in, with a browser or with a code.')
    .option('--name <name>', 'its name in the pool; an existing account gets a new login')
    .option('--device', 'with a code, for a browser on another machine', false)
    .option('--paste', 'take the address at which a browser on another machine ended', false)
    .option('--json', 'the result as JSON; what to do goes to the error output', false)
    .action(async (flags: LoginFlags) => {
      const { login } = await import('./login-action.js');
      await login(flags, output);
    });
  program
    .command('import')
    .description('Add auth.json files to the pool.')
    .argument('<file...>', 'files; `-` reads one from standard input')
    .option('--name <name>', 'its name in the pool, for one file')
    .option('--json', 'as JSON', false)
    .action(async (files: readonly string[], flags: ImportFlags) => {
      const { importFiles } = await import('./import-action.js');
      await importFiles(files, flags, output);
    });
  program
    .command('remove')
    .description('Take an account out of the pool; its file moves to .removed/.')
    .argument('<name>')
    .option('-y, --yes', 'ask no question', false)
    .option('--json', 'as JSON', false)
    .action(async (name: string, flags: JsonFlag & { readonly yes: boolean }) => {
      const { removeAccount } = await import('./account-actions.js');
      await removeAccount(name, flags, output);
    });
}

function addChanges(program: Command, output: Output): void {
  program
    .command('pause')
    .description('Send no new turns to an account.')
    .argument('<name>')
    .option('--for <span>', 'for a time, such as 30m, 2h or 3d')
    .option('--until <time>', 'until a time, such as 18:00 or 2026-12-01T09:00')
    .option('--until-reset', 'until its quota is reset', false)
    .option('--json', 'as JSON', false)
    .action(async (name: string, flags: PauseEnd & JsonFlag) => {
      const { pauseAccount } = await import('./account-actions.js');
      await pauseAccount(name, flags, output);
    });
  program
    .command('resume')
    .description('End a pause.')
    .argument('<name>')
    .option('--json', 'as JSON', false)
    .action(async (name: string, flags: JsonFlag) => {
      const { resumeAccount } = await import('./account-actions.js');
      await resumeAccount(name, flags, output);
    });
  const actions = [
    ['refresh', 'Refresh the token of an account now.'],
    ['poll', 'Ask upstream for the quota of an account now.'],
    ['reset', 'Forget the cooldowns of an account.'],
  ] as const;
  for (const [action, description] of actions) {
    program
      .command(action)
      .description(description)
      .argument('<name>')
      .option('--json', 'as JSON', false)
      .action(async (name: string, flags: JsonFlag) => {
        const { actOnAccount } = await import('./account-actions.js');
        await actOnAccount(name, action, flags, output);
      });
  }
  program
    .command('reload')
    .description('Read the pool folder now, and report each file.')
    .option('--json', 'as JSON', false)
    .action(async (flags: JsonFlag) => {
      const { reload } = await import('./account-actions.js');
      await reload(flags, output);
    });
  program
    .command('backup')
    .description('Write logins, settings and database into one archive.')
    .argument('<file>', 'ends in .tar, .tar.gz or .tgz; never overwritten')
    .option('--without-database', 'leave out the database: usage, requests, settings of accounts', false)
    .option('--json', 'as JSON', false)
    .addHelpText('after', RESTORE)
    .action(async (file: string, flags: BackupFlags) => {
      const { backup } = await import('./backup-action.js');
      await backup(file, flags, output);
    });
}

const RESTORE = `
To restore: stop the proxy, then extract the archive in an empty folder, and start it there.
  mkdir restored && tar -xpf FILE -C restored && cd restored && codex-pool start
Tokens change: an account that the pool has refreshed since then needs a new login.
The archive holds tokens: keep it as private as the pool folder.`;
