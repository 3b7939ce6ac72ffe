import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RefreshStep, refreshSteps } from '../../src/tokens/refresh-state.js';
import { Child } from '../codex/support/child.js';

const victim = fileURLToPath(new URL('victim.mjs', import.meta.url));
const START_LIMIT_MS = 30_000;

/** `traced` runs `victim.mjs`, which records the steps of each refresh; `plain` runs `dist/main.js` as deployed. */
export type RunKind = 'traced' | 'plain';

export interface RunOptions {
  readonly kind: RunKind;
  /** `main.js` of the build. */
  readonly entry: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** The step at which the process kills itself; only in a traced run. */
  readonly diesAt?: { readonly step: RefreshStep; readonly account: string };
}

const isStep = (word: string): word is RefreshStep => refreshSteps.some((it) => it === word);

/** One run of the program, from its start to a SIGKILL. */
export class ProgramRun {
  readonly child: Child;
  readonly kind: RunKind;
  readonly #trace: string;

  constructor({ kind, entry, folder, env, diesAt }: RunOptions) {
    this.kind = kind;
    this.#trace = join(folder, 'steps');
    rmSync(this.#trace, { force: true });
    const victimEnv = {
      VICTIM_DIST: dirname(entry),
      VICTIM_STEPS: this.#trace,
      ...(diesAt === undefined ? {} : { VICTIM_DIES_AT: diesAt.step, VICTIM_DIES_FOR: diesAt.account }),
    };
    this.child = new Child(process.execPath, [kind === 'traced' ? victim : entry], {
      env: { ...env, ...(kind === 'traced' ? victimEnv : {}) },
      cwd: folder,
    });
  }

  /** Resolves with the program's origin as soon as it listens. */
  async origin(): Promise<string> {
    const listening = (): string | null =>
      /^codex-pool listens on (http:\/\/\S+:[1-9]\d*)$/m.exec(this.child.stdout)?.[1] ?? null;
    return await this.child.until(listening, 'the program to listen', START_LIMIT_MS);
  }

  /** The last refresh step of each account; accounts without a refresh in this run are missing. */
  lastSteps(): Map<string, RefreshStep> {
    const last = new Map<string, RefreshStep>();
    for (const line of readTrace(this.#trace).split('\n')) {
      const [step = '', account = ''] = line.split(' ');
      if (isStep(step)) last.set(account, step);
    }
    return last;
  }

  async kill9(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.child.ended;
  }
}

function readTrace(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the program was killed before it created the file
  }
}
