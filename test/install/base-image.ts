import { execFile } from 'node:child_process';
import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** The npm that the image of Node 24 has. */
const NPM = 'npm@11';
/** The search path of the image of Node, without its folders for administrators. */
export const PATH = '/usr/local/bin:/usr/bin:/bin';

/**
 * Makes a folder what the image of Node is at its start, but for the parts that `mountsOf` mounts. `local`: where the
 * content of its `/usr/local` is made.
 */
export async function prepareBase(root: string, local: string): Promise<void> {
  for (const it of ['usr', 'etc', 'proc', 'dev', 'tmp', 'root'])
    await mkdir(join(root, it), { recursive: true });
  for (const it of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${it}`, join(root, it));
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n',
  );
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  for (const it of ['hosts', 'resolv.conf']) await copyFile(`/etc/${it}`, join(root, 'etc', it));
  const authority = process.env['NODE_EXTRA_CA_CERTS'];
  if (authority !== undefined) await copyFile(authority, join(root, 'etc/authority.pem'));
  // Docker gives each stage its own copy of the base image.
  await rm(local, { recursive: true, force: true });
  await mkdir(join(local, 'bin'), { recursive: true });
  await copyFile(process.execPath, join(local, 'bin/node'));
  await run('npm', ['install', '--prefix', join(local, 'lib'), NPM], { cwd: tmpdir() });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(local, 'bin/npm'));
}

/** Returns commands that mount this system's `/usr`, and Node and npm in `/usr/local`. */
export function mountsOf(root: string, local: string): string[] {
  return [
    `mount --bind /usr ${root}/usr && mount -o remount,bind,ro ${root}/usr`,
    `mount --bind ${local} ${root}/usr/local`,
    `mount --bind /proc ${root}/proc`,
    `mount --bind /dev ${root}/dev`,
  ];
}
