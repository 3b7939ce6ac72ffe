import { fileURLToPath } from 'node:url';
import { Child } from '../../codex/support/child.js';
import { accepts, freePort } from './ports.js';

const file = fileURLToPath(new URL('../../../bench/targets/bare-node.mjs', import.meta.url));

/** Node's own http on both sides with a pipe between them, in a process of its own: the control of a measurement. */
export class BareProxy implements AsyncDisposable {
  private constructor(
    private readonly child: Child,
    readonly origin: string,
  ) {}

  static async start(upstream: string): Promise<BareProxy> {
    const port = await freePort();
    const env = { PATH: process.env['PATH'] ?? '' };
    const child = new Child(process.execPath, [file, String(port), new URL(upstream).port], {
      env,
      cwd: process.cwd(),
    });
    const deadline = performance.now() + 10_000;
    while (!(await accepts(port))) {
      if (performance.now() > deadline) throw new Error('the bare proxy does not listen');
    }
    return new BareProxy(child, `http://127.0.0.1:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
  }
}
