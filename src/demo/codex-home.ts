import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codexConfig } from './codex-config.js';
import { madeUpPlaceholderLogin } from '../fake-upstream/script/made-up-credentials.js';

/** Creates a `CODEX_HOME` that points a real Codex at the demo with a made-up login. The user's own stays untouched. */
export async function makeCodexHome(folder: string, origin: string): Promise<string> {
  const home = join(folder, 'codex');
  await mkdir(home, { mode: 0o700 });
  const config = [
    'check_for_update_on_startup = false',
    ...codexConfig(origin),
    '',
    '[analytics]',
    'enabled = false',
    '',
  ];
  await writeFile(join(home, 'config.toml'), config.join('\n'), { mode: 0o600 });
  await writeFile(join(home, 'auth.json'), JSON.stringify(madeUpPlaceholderLogin()), { mode: 0o600 });
  return home;
}
