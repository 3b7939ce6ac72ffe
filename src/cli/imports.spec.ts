import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const source = fileURLToPath(new URL('..', import.meta.url));
/** Modules that run the program itself. */
const ofTheProgram = /^(?:bootstrap\/start-program|demo\/demo-run)\.ts$/;

/** Loads Nest's logger for one warning, on systems without the kernel's locks. */
const isException = (file: string) => file === 'runtime/files/sidecar-lock.ts';

/** Follows the imports from a file, with the way to each; returns those of packages and of Node by specifier. */
function reached(start: string, kinds: 'all' | 'static') {
  const packages = new Map<string, string>();
  const paths = new Map<string, readonly string[]>([[start, []]]);
  for (const [file, way] of paths) {
    for (const specifier of importsOf(join(source, file), kinds)) {
      if (!specifier.startsWith('.')) {
        if (!isException(file)) packages.set(specifier, [...way, file, specifier].join(' → '));
        continue;
      }
      const target = relative(source, join(source, dirname(file), specifier.replace(/\.js$/, '.ts')));
      const isThere = existsSync(join(source, target));
      expect({ file, specifier, isThere }).toEqual({ file, specifier, isThere: true });
      if (!ofTheProgram.test(target) && !paths.has(target)) paths.set(target, [...way, file]);
    }
  }
  return { packages, files: [...paths.keys()] };
}

it('reaches no module of Nest from any command but start and demo', () => {
  const { packages, files } = reached('cli/program.ts', 'all');
  expect([...packages].flatMap(([name, way]) => (name.startsWith('@nestjs/') ? [way] : []))).toEqual([]);
  expect(files.length).toBeGreaterThan(60); // the walk works
  expect(files).toContain('cli/pool/backup-sources.ts');
});

it.each([
  ['the help', 'cli/program.ts', ['commander']],
  ['status', 'cli/status/status-action.ts', ['fast-string-width', 'zod']],
  ['setup', 'cli/setup/setup-action.ts', ['toml-eslint-parser', 'zod']],
])('loads for %s no package that it does not need', (_command, file, expected) => {
  const names = [...reached(file, 'static').packages.keys()];
  expect(names.filter((it) => !it.startsWith('node:')).toSorted()).toEqual(expected);
  expect(names).not.toContain('node:http'); // see proxy-client.ts
});

/** Returns the specifiers of a module; types are not imported at run time. */
function importsOf(path: string, kinds: 'all' | 'static'): readonly string[] {
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (isRuntimeImport(node) && ts.isStringLiteral(node.moduleSpecifier))
      found.push(node.moduleSpecifier.text);
    if (
      kinds === 'all' &&
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword
    ) {
      const [first] = node.arguments;
      if (first !== undefined && ts.isStringLiteral(first)) found.push(first.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function isRuntimeImport(
  node: ts.Node,
): node is (ts.ImportDeclaration | ts.ExportDeclaration) & { moduleSpecifier: ts.Expression } {
  if (ts.isExportDeclaration(node)) return node.moduleSpecifier !== undefined && !node.isTypeOnly;
  if (!ts.isImportDeclaration(node)) return false;
  const clause = node.importClause;
  if (clause === undefined) return true;
  const isTypes = clause.phaseModifier === ts.SyntaxKind.TypeKeyword;
  const named = clause.namedBindings;
  const onlyTypes =
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.every((it) => it.isTypeOnly);
  return !isTypes && !onlyTypes;
}
