import { expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { call } from '../../support/clients/raw-http.js';
import { Folders, type RunningProgram } from '../../support/program/usage-program.js';

async function change(program: RunningProgram, debug: boolean | null): Promise<void> {
  const { status } = await call(program.origin, {
    method: 'PATCH',
    path: '/admin/settings',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ debug }),
  });
  expect(status).toBe(200);
}

const LINE = 'request served';

/** Serves a turn, and waits for its line of debug mode. */
async function expectLine(program: RunningProgram): Promise<void> {
  const from = program.child.stdout.length;
  expect((await program.turn()).status).toBe(200);
  const line = () => (program.child.stdout.slice(from).includes(LINE) ? true : null);
  expect(await program.child.until(line, 'the line of a turn')).toBe(true);
}

/** Serves turns, and waits for a later line of any mode: none of the turns has left a line. */
async function expectNoLine(program: RunningProgram): Promise<void> {
  const from = program.child.stdout.length;
  for (let count = 0; count < 3; count += 1) expect((await program.turn()).status).toBe(200);
  await call(program.origin, { method: 'POST', path: '/admin/accounts/a/reset' });
  const later = () =>
    program.child.stdout.slice(from).includes('account reset by the operator') ? true : null;
  await program.child.until(later, 'a line after the turns');
  expect(program.child.stdout.slice(from)).not.toContain(LINE);
}

it(
  'debug mode that is changed at run time shows in the log at once, and after a restart',
  { timeout: 60_000 },
  async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using folders = await Folders.create(fakeUpstream, ['a']);
    const program = await folders.start();
    await expectNoLine(program);
    await change(program, true);
    await expectLine(program);
    await change(program, false);
    await expectNoLine(program);
    await change(program, true);
    await program.stop();
    const again = await folders.start();
    await expectLine(again);
    await change(again, null); // back to PROXY_DEBUG
    await expectNoLine(again);
    expect(await again.stop()).toMatchObject({ code: 0 });
  },
);
