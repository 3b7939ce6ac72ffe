import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Child, type ChildEnd } from '../../codex/support/child.js';

const scripts = fileURLToPath(new URL('../../../scripts', import.meta.url));
const SETTINGS = [
  'package.json',
  'package-lock.json',
  'nest-cli.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'vite.config.ts',
];
const LONG_AGO = new Date('2020-01-01');

/** Steps after the compiler. They are replaced, because the replaced compiler writes nothing that they could read. */
const DOCUMENT = 'scripts/build-openapi.mjs';
const BUNDLE = 'scripts/build-bundle.mjs';

/** Replaces the compiler, because compiling takes half a minute. Records each run, and writes the entry last. */
const compiler = `
  const { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } = require('node:fs');
  appendFileSync('compiler-runs', 'x');
  if (existsSync('fails-at-once')) process.exit(1);
  if (existsSync('stops-while-it-overwrites')) {
    writeFileSync('dist/main.js', 'half');
    process.exit(1);
  }
  rmSync('dist', { recursive: true, force: true });
  mkdirSync('dist');
  if (existsSync('is-killed')) process.kill(process.pid, 'SIGKILL');
  writeFileSync('dist/main.js', '');
  if (existsSync('finds-an-error')) process.exitCode = 1;
  if (existsSync('is-overtaken')) writeFileSync('src/main.ts', 'edited while it was compiled');
`;

/** Replaces the builder of the page. */
const pageBuilder = `
  const { existsSync, mkdirSync, writeFileSync } = require('node:fs');
  if (existsSync('page-has-an-error')) process.exit(1);
  mkdirSync('dist/page', { recursive: true });
  writeFileSync('dist/page/index.html', '');
`;

/** Replaces the bundler. */
const bundler = `
  import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
  if (existsSync('bundle-has-an-error')) process.exit(1);
  for (const [folder, entry] of [['bundle', 'launch.js'], ['cli-bundle', 'program.js']]) {
    mkdirSync('dist/' + folder, { recursive: true });
    writeFileSync('dist/' + folder + '/' + entry, '');
  }
`;

/** A project of a few files, with the real script and a compiler that counts its runs. */
class Project implements AsyncDisposable {
  private constructor(readonly root: string) {}

  static async create(): Promise<Project> {
    const project = await Project.empty();
    await cp(scripts, join(project.root, 'scripts'), { recursive: true });
    await project.write(DOCUMENT, '');
    await project.write(BUNDLE, bundler);
    for (const name of SETTINGS) await project.write(name, '{}');
    await project.write('src/main.ts', 'main');
    await project.write('src/tokens/vault.ts', 'vault');
    await project.write('src/tokens/vault.spec.ts', 'spec');
    await project.write('node_modules/@nestjs/cli/bin/nest.js', compiler);
    await project.write('src/page/page.css', 'css');
    await project.write('src/page/app.tsx', 'app');
    await project.write('node_modules/vite/bin/vite.js', pageBuilder);
    return project;
  }

  /** Copies a project with its build, which is quicker than another build. */
  static async copyOf({ root }: Project): Promise<Project> {
    const project = await Project.empty();
    await cp(root, project.root, { recursive: true });
    return project;
  }

  private static async empty(): Promise<Project> {
    return new Project(await mkdtemp(join(tmpdir(), 'codex-pool-build-')));
  }

  async write(name: string, text: string): Promise<void> {
    const path = join(this.root, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }

  async remove(name: string): Promise<void> {
    await rm(join(this.root, name), { recursive: true });
  }

  /** Runs the script, as each `npm start` does. */
  async build(...args: readonly string[]): Promise<ChildEnd & { readonly stderr: string }> {
    const script = join(this.root, 'scripts', 'build-if-stale.mjs');
    // Started from elsewhere: the project is where the script is.
    await using child = new Child(process.execPath, [script, ...args], { env: {}, cwd: tmpdir() });
    return { ...(await child.ended), stderr: child.stderr };
  }

  async compilerRuns(): Promise<number> {
    const runs = join(this.root, 'compiler-runs');
    return existsSync(runs) ? (await readFile(runs, 'utf8')).length : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

let template: Project;
beforeAll(async () => {
  template = await Project.create();
  const { code, stderr } = await template.build();
  if (code !== 0 || (await template.compilerRuns()) !== 1) throw new Error(`the build failed: ${stderr}`);
});
afterAll(async () => {
  await template[Symbol.asyncDispose]();
});

/** A project that was built once. */
async function built(): Promise<Project> {
  return await Project.copyOf(template);
}

/** Asks the function by which the script decides. */
async function isStale({ root }: Project): Promise<unknown> {
  const inputs: unknown = await import(pathToFileURL(join(scripts, 'build-inputs.mjs')).href);
  const decide: unknown = Reflect.get(Object(inputs), 'isStale');
  if (typeof decide !== 'function') throw new TypeError('isStale is no function');
  return Reflect.apply(decide, null, [root]);
}

describe('a build that is up to date', () => {
  it('runs no compiler, and needs none', async () => {
    await using project = await built();
    await project.remove('node_modules');
    expect(await project.build()).toEqual({ code: 0, signal: null, stderr: '' });
    expect(await project.compilerRuns()).toBe(1);
  });

  it('stays so when only a test was changed, or a source was rewritten with the same content', async () => {
    await using project = await built();
    await project.write('src/tokens/vault.spec.ts', 'another spec');
    await project.write('src/main.ts', 'main');
    expect(await project.build()).toMatchObject({ code: 0 });
    expect(await project.compilerRuns()).toBe(1);
  });

  it('is rebuilt by `npm run build`', async () => {
    await using project = await built();
    expect(await project.build('--always')).toMatchObject({ code: 0 });
    expect(await project.compilerRuns()).toBe(2);
  });
});

describe('a build is repeated', () => {
  it.each<[string, (project: Project) => Promise<void>]>([
    ['a source was edited', async (it) => it.write('src/tokens/vault.ts', 'edited')],
    ['a source of the page was edited', async (it) => it.write('src/page/app.tsx', 'edited')],
    ['a style of the page was edited', async (it) => it.write('src/page/page.css', 'edited')],
    ['the page was deleted', async (it) => it.remove('dist/page')],
    ['the bundle was deleted', async (it) => it.remove('dist/bundle')],
    ['the bundle of the command line was deleted', async (it) => it.remove('dist/cli-bundle')],
    ['a source was added', async (it) => it.write('src/tokens/new.ts', '')],
    ['a source was deleted', async (it) => it.remove('src/tokens/vault.ts')],
    [
      'a source was renamed',
      async (it) => {
        await it.remove('src/tokens/vault.ts');
        await it.write('src/tokens/valut.ts', 'vault');
      },
    ],
    [
      'an older source was put in the place of one',
      async (it) => {
        await it.write('src/main.ts', 'older');
        await utimes(join(it.root, 'src/main.ts'), LONG_AGO, LONG_AGO);
      },
    ],
    ['`dist` was deleted', async (it) => it.remove('dist')],
    ['its entry was deleted', async (it) => it.remove('dist/main.js')],
    [`${DOCUMENT} was changed`, async (it) => it.write(DOCUMENT, '// changed')],
    [`${BUNDLE} was changed`, async (it) => it.write(BUNDLE, `${bundler}// changed`)],
    ['a plugin of it was changed', async (it) => it.write('scripts/bundle-plugins.mjs', '// changed')],
    ...SETTINGS.map((name): [string, (project: Project) => Promise<void>] => [
      `${name} was changed`,
      async (it) => it.write(name, '{"changed":true}'),
    ]),
  ])('when %s', async (_change, change) => {
    await using project = await built();
    expect(await isStale(project)).toBe(false);
    await change(project);
    expect(await isStale(project)).toBe(true);
  });

  it.each(['src/tokens/vault.ts', 'dist/page/index.html', 'dist'])(
    'once, when %s was deleted',
    async (path) => {
      await using project = await built();
      await project.remove(path);
      expect(await project.build()).toMatchObject({ code: 0 });
      expect(await project.build()).toMatchObject({ code: 0 });
      expect(await project.compilerRuns()).toBe(2);
    },
  );

  it.each(['finds-an-error', 'is-killed', 'fails-at-once', 'stops-while-it-overwrites'])(
    'as long as its compiler %s, and the script fails with it; then also if the edit is taken back',
    async (fault) => {
      await using project = await built();
      await project.write('src/main.ts', 'edited');
      await project.write(fault, '');
      expect((await project.build()).code).toBe(1);
      expect((await project.build()).code).toBe(1);
      await project.remove(fault);
      await project.write('src/main.ts', 'main');
      expect(await project.build()).toMatchObject({ code: 0 });
      expect(await project.compilerRuns()).toBe(4);
    },
  );

  it.each([
    ['page', 'src/page/app.tsx', join('dist', 'page', 'index.html')],
    ['bundle', 'src/tokens/vault.ts', join('dist', 'bundle', 'launch.js')],
  ])(
    'as long as its %s fails, but the program starts without it; `npm run build` fails',
    { timeout: 30_000 },
    async (part, source, entry) => {
      await using project = await built();
      await project.write(source, 'edited');
      await project.write(`${part}-has-an-error`, '');
      for (let runs = 2; runs <= 3; runs += 1) {
        const { code, stderr } = await project.build();
        expect([code, await project.compilerRuns()]).toEqual([0, runs]);
        expect(stderr).toContain(`The ${part} could not be built`);
        expect(stderr).toContain('npm install --include=optional');
      }
      expect((await project.build('--always')).code).toBe(1);
      await project.remove(`${part}-has-an-error`);
      expect(await project.build()).toMatchObject({ code: 0 });
      expect(existsSync(join(project.root, entry))).toBe(true);
      expect(await project.build()).toEqual({ code: 0, signal: null, stderr: '' });
    },
  );

  it('as long as the step after the compiler fails', async () => {
    await using project = await Project.create();
    await project.write(DOCUMENT, 'process.exitCode = 3;');
    expect((await project.build()).code).toBe(3);
    expect((await project.build()).code).toBe(3);
    await project.write(DOCUMENT, '');
    expect(await project.build()).toMatchObject({ code: 0 });
    expect(await project.compilerRuns()).toBe(3);
  });

  it('when a source was changed while it was compiled', async () => {
    await using project = await Project.create();
    await project.write('is-overtaken', '');
    expect(await project.build()).toMatchObject({ code: 0 });
    await project.remove('is-overtaken');
    expect(await project.build()).toMatchObject({ code: 0 });
    expect(await project.compilerRuns()).toBe(2);
  });

  it('or says in one sentence which command installs the missing compiler', async () => {
    await using project = await Project.create();
    await project.remove('node_modules');
    const { code, stderr } = await project.build();
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain('npm install --include=dev');
  });
});
