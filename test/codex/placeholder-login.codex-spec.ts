import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { placeholderLogin } from '../../src/clients/placeholder-login.js';
import { Secret } from '../../src/runtime/secret.js';
import { Setting } from './support/setting.js';

it.each([
  ['', null],
  [' with a client token', new Secret('client-token')],
])('works with the login that the program makes%s, and never renews it', async (_what, token) => {
  await using setting = await Setting.start();
  const login = JSON.stringify(placeholderLogin(token));
  writeFileSync(setting.home.authFile, login);
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) });
  expect(JSON.parse(readFileSync(setting.home.authFile, 'utf8'))).toEqual(JSON.parse(login));
});
