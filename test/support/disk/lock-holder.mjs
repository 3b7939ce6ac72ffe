// Takes the lock on a file, prints after how many ms it was granted or refused, and closes the file on an input line.
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, path, patienceMs] = process.argv.slice(2);
const { lockFile } = await import(pathToFileURL(join(dist, 'runtime', 'files', 'file-lock.js')).href);

const file = await open(path, 'a');
const askedAt = performance.now();
const isGranted = await lockFile(file, Number(patienceMs));
process.stdout.write(`${isGranted ? 'granted' : 'refused'} after ${performance.now() - askedAt} ms\n`);
await once(process.stdin, 'data');
await file.close();
process.stdout.write('closed\n');
process.stdin.destroy();
