import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { launchdPlist } from './launchd-plist.js';
import { refuseVanishing, type ServiceFacts } from './service-facts.js';
import { systemdUnit } from './systemd-unit.js';
import { taskXml } from './task-xml.js';

const hasVerify = spawnSync('systemd-analyze', ['--version']).status === 0;
const factsIn = (folder: string): ServiceFacts => ({
  node: join(folder, 'node'),
  script: join(folder, 'cli.js'),
  folder,
  stopSeconds: 45,
  logFile: '/made-up/log',
});
const names = ['plain', 'with space', '100% $HOME', `quo"te's`, 'ümläut', String.raw`back\slash`];

describe('a unit for systemd', () => {
  it.skipIf(!hasVerify).each(names)('passes systemd-analyze verify in a folder named %s', (name) => {
    const parent = mkdtempSync(join(tmpdir(), 'codex-pool-unit-'));
    try {
      const folder = join(parent, name);
      mkdirSync(folder);
      symlinkSync(process.execPath, join(folder, 'node'));
      writeFileSync(join(folder, 'cli.js'), '');
      const unit = join(parent, 'codex-pool.service');
      writeFileSync(unit, systemdUnit(factsIn(folder)));
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', unit], {
        encoding: 'utf8',
      });
      expect(stderr.split('\n').filter((it) => it.includes('codex-pool.service'))).toEqual([]);
      expect(status).toBe(0);
    } finally {
      rmSync(parent, { recursive: true });
    }
  });

  it('gives the drain its time, and restarts after a fault only', () => {
    const unit = systemdUnit(factsIn('/a'));
    expect(unit).toContain('TimeoutStopSec=45\n');
    expect(unit).toContain('Restart=on-failure\n');
  });
});

it.each([launchdPlist, taskXml])('an XML file escapes paths (%#)', (text) => {
  const made = text(factsIn('/a & <b>'));
  expect(made).toContain('/a &amp; &lt;b&gt;');
  expect(made).not.toContain('& <b>');
});

it.each(['/home/a/.npm/_npx/1f/node_modules/codex-pool/dist/cli/cli.js', 'C:\\a\\_npx\\b'])(
  'refuses %s',
  (path) => {
    expect(() => refuseVanishing(path)).toThrow(/npm install -g codex-pool/);
  },
);
