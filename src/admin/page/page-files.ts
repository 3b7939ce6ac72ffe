import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { limits } from '../../config/limits.js';

/** The folder of the built page. */
export const PAGE_FOLDER = Symbol('PageFolder');

/** Where `npm run build` puts the page. The same from `src` and from `dist`. */
export const builtPageFolder = fileURLToPath(new URL('../../../dist/page', import.meta.url));

/** A file with a hash in its name, which never changes. */
export interface Asset {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
}

/** The built page, in memory: a build that replaces its files under a running program does not mix the two. */
export interface Page {
  readonly index: string;
  /** The form that asks for the token. */
  readonly signIn: string;
  /** By file name. */
  readonly assets: ReadonlyMap<string, Asset>;
}

/** Reads the built page when it is first asked for, and keeps it. */
@Injectable()
export class PageFiles {
  private readonly logger = new Logger(PageFiles.name);
  private loading: Promise<Page | null> | null = null;

  constructor(@Inject(PAGE_FOLDER) private readonly folder: string) {}

  /** Returns null if the page is not built, or cannot be read; the next call then tries again. */
  async page(): Promise<Page | null> {
    this.loading ??= this.load();
    const page = await this.loading;
    if (page === null) this.loading = null;
    return page;
  }

  private async load(): Promise<Page | null> {
    try {
      const [index, signIn] = await Promise.all(
        ['index.html', 'sign-in.html'].map((it) => readFile(join(this.folder, it), 'utf8')),
      );
      if (index === undefined || signIn === undefined) return null;
      return { index, signIn, assets: await assetsIn(join(this.folder, 'assets')) };
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!isMissing) this.logger.warn('the built page cannot be read', { reason: String(error) });
      return null;
    }
  }
}

const types: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

async function assetsIn(folder: string): Promise<Map<string, Asset>> {
  const names = (await readdir(folder)).filter((it) => types[extname(it)] !== undefined);
  const assets = new Map<string, Asset>();
  let bytes = 0;
  for (const name of names.slice(0, limits.pageAssets)) {
    const body = await readFile(join(folder, name));
    bytes += body.length;
    if (bytes > limits.pageAssetBytes)
      throw new Error(`more than ${limits.pageAssetBytes} bytes in ${folder}`);
    assets.set(name, { type: types[extname(name)] ?? '', body, gzipped: await promisify(gzip)(body) });
  }
  return assets;
}
