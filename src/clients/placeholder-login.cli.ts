#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { loadConfig } from '../config/app.config.js';
import { placeholderLogin } from './placeholder-login.js';
import { describeError, errorCode } from '../runtime/pool-error.js';

const usage = 'Usage: npm run placeholder-login -- [--out FILE]. Without --out, the login is printed.';

/** `npm run placeholder-login`: writes a login for Codex that belongs to no account. On failure, prints one sentence and exits with code 1. */
try {
  const { out, help } = parseArgs({
    options: { out: { type: 'string' }, help: { type: 'boolean', default: false } },
  }).values;
  if (help) process.stdout.write(`${usage}\n`);
  else {
    if (existsSync('.env')) process.loadEnvFile('.env');
    const text = `${JSON.stringify(placeholderLogin(loadConfig(process.env).clientToken), null, 2)}\n`;
    if (out === undefined) process.stdout.write(text);
    else await writeNew(out, text);
  }
} catch (error) {
  process.stderr.write(`${whyNot(error)}\n`);
  process.exitCode = 1;
}

async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600); // never overwrite a login that may be real
  try {
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

function whyNot(error: unknown): string {
  const code = errorCode(error);
  if (code === 'EEXIST') {
    return 'That file exists and was not changed: move it away first, or name another one.';
  }
  return code?.startsWith('ERR_PARSE_ARGS') === true ? usage : describeError(error);
}
