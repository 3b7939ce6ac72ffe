import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** The folder of the project. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
const source = join(projectRoot, 'src');

/** Import rules of one room. A room is a folder of `src`, named by its path below `src`. */
export interface RoomRule {
  readonly room: string;
  readonly mayImport: readonly string[];
}

/** An import that crosses from one room to another. */
export interface Arrow {
  readonly from: string;
  readonly to: string;
  /** The importing file, by its path below `src`. */
  readonly file: string;
}

const restriction = z.tuple([
  z.literal('error'),
  z.object({ patterns: z.tuple([z.object({ group: z.array(z.string()), message: z.string() })]) }),
]);
const lintConfig = z.object({
  overrides: z.array(
    z.object({ files: z.array(z.string()), rules: z.record(z.string(), z.unknown()).default({}) }),
  ),
});

/** The rules of all rooms, in the order of their blocks in `.oxlintrc.json`. */
export function roomRules(): readonly RoomRule[] {
  const { overrides } = lintConfig.parse(
    JSON.parse(readFileSync(join(projectRoot, '.oxlintrc.json'), 'utf8')),
  );
  return overrides.flatMap(({ files, rules }) => {
    const rule = restriction.safeParse(rules['no-restricted-imports']);
    if (!rule.success) return [];
    const { group } = rule.data[1].patterns[0];
    const allowed = group.filter((it) => it.startsWith('!')).map((it) => posix.dirname(it.slice(1)));
    return files.map((glob) => {
      const room = posix.relative('src', posix.dirname(glob));
      return { room, mayImport: allowed.map((it) => posix.join(room, it)) };
    });
  });
}

/** All rooms of `src`, sorted by name. `main.ts` is in none. */
export function rooms(): readonly string[] {
  return [...new Set(sourceFiles().map((it) => posix.dirname(it)))].toSorted();
}

/** All imports between rooms; imports of types and dynamic imports count, too. */
export function roomImports(): readonly Arrow[] {
  return sourceFiles().flatMap((file) => {
    const from = posix.dirname(file);
    const text = readFileSync(join(source, file), 'utf8');
    return [...text.matchAll(/(?:\bfrom|\bimport\(|\bimport)\s*'(\.[^']+)'/g)]
      .map(([, specifier = '']) => ({ from, to: posix.dirname(posix.join(from, specifier)), file }))
      .filter(({ to }) => to !== from);
  });
}

/** The imports that form one cycle of rooms; null if none. */
export function cycleOf(all: readonly Arrow[]): readonly Arrow[] | null {
  const finished = new Set<string>();
  const circleFrom = (room: string, path: readonly Arrow[]): readonly Arrow[] | null => {
    if (finished.has(room)) return null;
    const start = path.findIndex((it) => it.from === room);
    if (start >= 0) return path.slice(start);
    for (const arrow of all.filter((it) => it.from === room)) {
      const circle = circleFrom(arrow.to, [...path, arrow]);
      if (circle !== null) return circle;
    }
    finished.add(room);
    return null;
  };
  for (const { from } of all) {
    const circle = circleFrom(from, []);
    if (circle !== null) return circle;
  }
  return null;
}

/** Files that the rules apply to, by their paths below `src`. */
function sourceFiles(): readonly string[] {
  const names = readdirSync(source, { recursive: true, encoding: 'utf8' }).map((it) =>
    it.replaceAll(sep, '/'),
  );
  return names.filter((it) => /\.tsx?$/.test(it) && !/\.(spec|module)\.ts$|^main\.ts$/.test(it));
}
