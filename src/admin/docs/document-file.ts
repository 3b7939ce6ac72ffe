import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { errorCode } from '../../runtime/pool-error.js';
import { Problem } from '../problems/problem.js';

/** The OpenAPI document, which the build writes beside the program. */
@Injectable()
export class DocumentFile {
  /** In the folder of the build, also when the sources are run. */
  path = fileURLToPath(new URL('../../../dist/openapi.json', import.meta.url));

  /** Returns the document as text. @throws Problem if the build has not written it */
  async read(): Promise<string> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error;
      throw new Problem(404, 'not_built', 'The document is missing: build codex-pool with `npm run build`.');
    }
  }
}
