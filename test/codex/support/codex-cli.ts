import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const cliFolder = fileURLToPath(new URL('../cli', import.meta.url));
const packageFolder = join(cliFolder, 'node_modules', '@openai', 'codex');

/** The script that starts the real Codex CLI; run it with Node. */
export const codexScript = join(packageFolder, 'bin', 'codex.js');

/** Installs the Codex CLI, in the version of the lock file, into a separate folder if it is missing. */
export function installCodexCli(): void {
  if (installedVersion() === wantedVersion()) return;
  process.stdout.write('Installing the Codex CLI for the tests (about 400 MB, once) …\n');
  const npm = npmCommand();
  // The binary of this platform is an optional dependency; no install scripts have to run.
  const args = [
    'ci',
    '--include=optional',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  execFileSync(npm.file, [...npm.args, ...args], { cwd: cliFolder, env: npm.env, stdio: 'inherit' });
}

function wantedVersion(): string {
  const manifest = z.object({ dependencies: z.record(z.string(), z.string()) });
  return manifest.parse(readJson(join(cliFolder, 'package.json'))).dependencies['@openai/codex'] ?? '';
}

function installedVersion(): string | null {
  const path = join(packageFolder, 'package.json');
  if (!existsSync(path)) return null;
  return z.object({ version: z.string() }).parse(readJson(path)).version;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** Runs npm without the variables that an outer npm has set for its own folder. */
function npmCommand(): { file: string; args: string[]; env: NodeJS.ProcessEnv } {
  const script = process.env['npm_execpath'];
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  const isNpm = script !== undefined && /npm-cli\.[cm]?js$/.test(script);
  return isNpm ? { file: process.execPath, args: [script], env } : { file: 'npm', args: [], env };
}
