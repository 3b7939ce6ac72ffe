import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { Child } from '../../codex/support/child.js';
import { buildProgram } from '../../support/program/child-process.js';
import { Folders } from '../../support/program/usage-program.js';

const pretty = /^\d\d:\d\d:\d\d warn {2}a setting does not count why=".*PROXY_DEBUGG.*"$/m;
const json = /^\{.*"level":"warn".*"message":"a setting does not count".*\}$/m;
const escape = '\u001B[';

/** Starts the program with a misspelled setting, of which it warns; returns its output. */
async function outputOf(env: Readonly<Record<string, string>>, onTerminal: boolean): Promise<string> {
  await using upstream = await FakeUpstream.start();
  await using folders = await Folders.create(upstream, [], { PROXY_DEBUGG: '1', ...env });
  if (!onTerminal) {
    const { child } = await folders.start();
    return child.stdout;
  }
  const entry = await buildProgram();
  const all = {
    PATH: process.env['PATH'] ?? '',
    HOME: folders.path,
    TERM: 'xterm',
    PROXY_LISTEN_ADDR: '127.0.0.1:0',
    PROXY_DEBUGG: '1',
    ...upstream.env,
    ...env,
  };
  // A pseudo-terminal.
  const command = `'${process.execPath}' '${entry}'`;
  await using child = new Child('script', ['-qec', command, '/dev/null'], { env: all, cwd: folders.path });
  await child.until(() => (child.stdout.includes('listens on') ? true : null), 'the program to listen');
  return child.stdout.replaceAll('\r\n', '\n');
}

/** Without the codes of colours. */
// eslint-disable-next-line no-control-regex
const bare = (text: string) => text.replace(/\u001B\[\d+m/g, '');

describe('PROXY_LOG_FORMAT', () => {
  it('is JSON in a pipe by default', async () => {
    const output = await outputOf({}, false);
    expect(output).toMatch(json);
    expect(output).not.toMatch(pretty);
  });

  it('is text in a pipe if asked for, without colours', async () => {
    const output = await outputOf({ PROXY_LOG_FORMAT: 'pretty' }, false);
    expect(output).toMatch(pretty);
    expect(output).not.toContain(escape);
  });

  it('is text on a terminal by default, with colours unless NO_COLOR is set', async () => {
    const output = await outputOf({}, true);
    expect(output).toContain(escape);
    expect(bare(output)).toMatch(pretty);
    const colourless = await outputOf({ NO_COLOR: '1' }, true);
    expect(colourless).toMatch(pretty);
    expect(colourless).not.toContain(escape);
  });

  it('is JSON on a terminal if asked for', async () => {
    expect(await outputOf({ PROXY_LOG_FORMAT: 'json' }, true)).toMatch(json);
  });
});
