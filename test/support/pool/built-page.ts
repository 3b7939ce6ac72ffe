import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder like the one of the built page, with files of a line each. */
export class BuiltPage implements AsyncDisposable {
  private constructor(readonly folder: string) {}

  static async create(): Promise<BuiltPage> {
    const page = new BuiltPage(await mkdtemp(join(tmpdir(), 'codex-pool-page-')));
    await page.write('index.html', '<!doctype html><title>the page</title>');
    await page.write('sign-in.html', '<form><input name="to" value="%TO%">%MESSAGE%</form>');
    await page.write('assets/index-abc.js', 'export {};');
    await page.write('assets/index-abc.css', ':root {}');
    await page.write('assets/notes.txt', 'not served');
    return page;
  }

  async write(name: string, text: string): Promise<void> {
    await mkdir(join(this.folder, 'assets'), { recursive: true });
    await writeFile(join(this.folder, name), text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
