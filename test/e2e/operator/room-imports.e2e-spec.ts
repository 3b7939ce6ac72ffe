import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { roomImports, cycleOf, projectRoot, roomRules, rooms } from '../../support/rooms.js';

const linter = join(projectRoot, 'node_modules', 'oxlint', 'bin', 'oxlint');
const report = z.object({
  diagnostics: z.array(z.object({ filename: z.string(), code: z.string(), message: z.string() })),
});

const rules = roomRules();
const allRooms = rooms();
/** Every room, and the folder of `main.ts`, which no room may import. */
const targets = [...allRooms, '.'];

/** One import of each kind, each under a unique name. */
const statements: Readonly<Record<string, (specifier: string, name: string) => string>> = {
  'static.ts': (specifier, name) => `import { ${name} } from '${specifier}';`,
  'type.ts': (specifier, name) => `import type { ${name} } from '${specifier}';`,
  'exported.ts': (specifier, name) => `export { ${name} } from '${specifier}';`,
  'dynamic.ts': (specifier) => `await import('${specifier}');`,
  'exempt.spec.ts': (specifier, name) => `import { ${name} } from '${specifier}';`,
  'exempt.module.ts': (specifier, name) => `import { ${name} } from '${specifier}';`,
};

function specifierOf(room: string, target: string): string {
  const path = posix.relative(room, target);
  return `${path.startsWith('.') ? path : `./${path}`}/probe.js`;
}

/** `<room>/<file> <target>` for each refused import of the probes. */
function refusedImports(folder: string): ReadonlySet<string> {
  // `-A all` turns off the category rules and leaves the blocks' rules.
  const { stdout } = spawnSync(process.execPath, [linter, '-A', 'all', '--format=json', 'src'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1_024 * 1_024,
  });
  const refused = report
    .parse(JSON.parse(stdout))
    .diagnostics.filter((it) => it.code === 'eslint(no-restricted-imports)');
  return new Set(
    refused.map(({ filename, message }) => {
      const file = posix.relative('src', filename);
      const specifier = /^'([^']+)'/.exec(message)?.[1] ?? '';
      return `${file} ${posix.dirname(posix.join(posix.dirname(file), specifier))}`;
    }),
  );
}

describe('imports between the rooms of src', () => {
  let folder = '';
  let refused: ReadonlySet<string> = new Set();

  // One probe file per room and statement kind; each imports every other room.
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'codex-pool-rooms-'));
    cpSync(join(projectRoot, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    for (const room of allRooms) {
      mkdirSync(join(folder, 'src', room), { recursive: true });
      for (const [name, statement] of Object.entries(statements)) {
        const lines = targets
          .filter((it) => it !== room)
          .map((target, index) => statement(specifierOf(room, target), `name${index}`));
        writeFileSync(join(folder, 'src', room, name), lines.join('\n'));
      }
    }
    refused = refusedImports(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('have one block in .oxlintrc.json for each room', () => {
    expect(rules.map((it) => it.room).toSorted()).toEqual(allRooms);
  });

  it('go down: a block allows only rooms whose blocks come before it', () => {
    const upward = rules.flatMap(({ room, mayImport }, index) => {
      const below = rules.slice(0, index).map((it) => it.room);
      return mayImport.filter((it) => !below.includes(it)).map((it) => `${room} → ${it}`);
    });
    expect(upward).toEqual([]);
  });

  it.each(['static.ts', 'type.ts', 'exported.ts', 'dynamic.ts'])(
    'are refused by the lint unless the room’s block allows them (%s)',
    (name) => {
      expect(rules).not.toEqual([]);
      for (const { room, mayImport } of rules) {
        const expected = targets.filter((it) => it !== room && !mayImport.includes(it));
        const found = targets.filter((it) => refused.has(`${room}/${name} ${it}`));
        expect(found, `refused in ${room}`).toEqual(expected);
      }
    },
  );

  it('are free in specs and Nest modules', () => {
    expect([...refused].filter((it) => /\.(spec|module)\.ts /.test(it))).toEqual([]);
  });

  it('form no cycle', () => {
    const circle = cycleOf(roomImports()) ?? [];
    expect(circle.map(({ from, to, file }) => `${from} → ${to} in ${file}`)).toEqual([]);
  });
});
