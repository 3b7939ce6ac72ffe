import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A version of Node: the one that runs this, or one from its package for this system on the npm registry. */
export class NodeVersion implements AsyncDisposable {
  private constructor(
    /** The path of its binary. */
    readonly file: string,
    private readonly folder: string | null,
  ) {}

  /** @throws Error if the registry has no such version for this system and processor */
  static async get(version: string): Promise<NodeVersion> {
    if (version === process.versions.node) return new NodeVersion(process.execPath, null);
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-node-'));
    const name = `node-${process.platform}-${process.arch}`;
    const node = new NodeVersion(join(folder, 'node_modules', name, 'bin', 'node'), folder);
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, `${name}@${version}`]);
    const { stdout } = await run(node.file, ['--version']);
    if (stdout.trim() !== `v${version}`) throw new Error(`${name}@${version} is Node ${stdout}`);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.folder !== null) await rm(this.folder, { recursive: true, force: true });
  }
}
