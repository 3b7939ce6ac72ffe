import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

/**
 * Parts of packages that the program never calls, as ends of paths below `node_modules`: they would be a third of the
 * source. Their modules are left empty.
 */
const UNUSED = [
  // Drivers of other databases. `sqlite-abstract` is the base of `sqlite`.
  /\/typeorm\/driver\/(?!sqlite\/|sqlite-abstract\/|types\/)[\w-]+\/.*\.js$/,
  /\/typeorm\/entity-manager\/MongoEntityManager\.js$/,
  // TypeORM: entities by pattern, settings from `.env`, and its logger's layout of SQL.
  /\/glob\/dist\/commonjs\/index\.js$/,
  /\/dotenv\/lib\/main\.js$/,
  /\/@sqltools\/formatter\/lib\/sqlFormatter\.js$/,
  // File uploads.
  /\/multer\/index\.js$/,
];

/** JSON below this size stays in the bundle, characters. */
const SMALL = 4_096;

const posix = (path) => path.split(sep).join('/');

/** Leaves the modules of `UNUSED` empty. @returns {import('rolldown').Plugin} */
export function unusedParts() {
  return {
    name: 'unused-parts',
    load: {
      filter: { id: UNUSED },
      handler: () => ({ code: 'module.exports = {};', moduleType: 'js' }),
    },
  };
}

/**
 * Puts large JSON into files beside the bundle, which are read when they are asked for: most are character sets that
 * never are, and as source V8 would keep them. @returns {import('rolldown').Plugin}
 */
export function dataFiles() {
  return {
    name: 'data-files',
    load: {
      filter: { id: /\.json$/ },
      handler(id) {
        const source = readFileSync(id, 'utf8');
        if (source.length < SMALL) return null;
        const fileName = posix(id)
          .replace(/^.*?\/node_modules\//, '')
          .replaceAll('/', '-');
        this.emitFile({ type: 'asset', fileName, source: JSON.stringify(JSON.parse(source)) });
        const path = `import.meta.dirname + ${JSON.stringify(`/${fileName}`)}`;
        const code = `module.exports = JSON.parse(require('node:fs').readFileSync(${path}, 'utf8'));`;
        return { code, moduleType: 'js' };
      },
    },
  };
}

/**
 * Lets each module see the path that it was compiled to: files are found beside it.
 * @param {string} target folder of the bundle
 * @returns {import('rolldown').Plugin}
 */
export function originalPaths(target) {
  return {
    name: 'original-paths',
    transform: {
      filter: { id: /\.[cm]?js$/, code: /import\.meta\.(url|dirname)|\b__(dirname|filename)\b/ },
      handler(code, id) {
        const path = posix(relative(target, id));
        const url = `new URL(${JSON.stringify(path)}, import.meta.url)`;
        const folder = `(import.meta.dirname + ${JSON.stringify(`/${dirname(path)}`)})`;
        return code
          .replaceAll(/\bimport\.meta\.url\b/g, `${url}.href`)
          .replaceAll(/\bimport\.meta\.dirname\b|\b__dirname\b/g, folder)
          .replaceAll(/\b__filename\b/g, `${url}.pathname`);
      },
    },
  };
}

/**
 * Leaves imports of packages that are not installed as they are. Such packages are optional, and their imports fail as
 * they would without a bundle. @returns {import('rolldown').Plugin}
 */
export function absentPackages() {
  return {
    name: 'absent-packages',
    resolveId: {
      filter: { id: /^[\w@]/ },
      async handler(id, importer, { kind }) {
        const found = await this.resolve(id, importer, { skipSelf: true, kind });
        return found === null ? { id, external: true } : null;
      },
    },
  };
}

/**
 * Leaves modules of ours as they are, to be loaded from their places.
 * @param {string[]} modules their paths
 * @param {string} target folder of the bundle
 * @returns {import('rolldown').Plugin}
 */
export function modulesInPlace(modules, target) {
  return {
    name: 'modules-in-place',
    resolveId: {
      filter: { id: /^\./ },
      handler(id, importer) {
        const path = join(dirname(importer ?? ''), id);
        return modules.includes(path) ? { id: posix(relative(target, path)), external: true } : null;
      },
    },
  };
}

/**
 * Puts the licences of all packages in the bundle into one file beside it, as these licences ask for.
 * @returns {import('rolldown').Plugin}
 */
export function licences() {
  return {
    name: 'licences',
    generateBundle(_options, bundle) {
      const modules = Object.values(bundle).flatMap((it) => (it.type === 'chunk' ? it.moduleIds : []));
      const folders = modules.flatMap(
        (it) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/.@][^/]*/.exec(posix(it)) ?? [],
      );
      const source = [...new Set(folders)].toSorted().map(licenceOf).join('\n\n');
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
    },
  };
}

/** Name, version and licence of a package: the text if it has one, else the name of the licence. */
function licenceOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((it) => /^licen[cs]e/i.test(it));
  const text = file === undefined ? license : readFileSync(join(folder, file), 'utf8').trim();
  return `== ${name} ${version}\n\n${text}`;
}
