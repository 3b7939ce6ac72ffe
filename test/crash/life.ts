import { readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type RefreshStep, refreshSteps } from '../../src/tokens/refresh-state.js';
import { Child } from '../codex/support/child.js';

const victim = fileURLToPath(new URL('victim.mjs', import.meta.url));
const START_LIMIT_MS = 30_000;

/** What runs: `traced` notes the steps of each refresh (victim.mjs), `plain` is `dist/main.js` as it is deployed. */
export type LifeKind = 'traced' | 'plain';

export interface LifeOptions {
  readonly kind: LifeKind;
  /** `main.js` of the build. */
  readonly entry: string;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** Where the process ends itself; only a traced one can. */
  readonly diesAt?: { readonly step: RefreshStep; readonly account: string };
}

const isStep = (word: string): word is RefreshStep => refreshSteps.some((it) => it === word);

/** One life of the program, from its start to a SIGKILL. */
export class Life {
  readonly child: Child;
  readonly kind: LifeKind;
  readonly #trace: string;

  constructor({ kind, entry, folder, env, diesAt }: LifeOptions) {
    this.kind = kind;
    this.#trace = join(folder, 'steps');
    rmSync(this.#trace, { force: true });
    const told = {
      VICTIM_DIST: dirname(entry),
      VICTIM_STEPS: this.#trace,
      ...(diesAt === undefined ? {} : { VICTIM_DIES_AT: diesAt.step, VICTIM_DIES_FOR: diesAt.account }),
    };
    this.child = new Child(process.execPath, [kind === 'traced' ? victim : entry], {
      env: { ...env, ...(kind === 'traced' ? told : {}) },
      cwd: folder,
    });
  }

  /** Where it listens, once it does. */
  async origin(): Promise<string> {
    const told = (): string | null =>
      /^codex-pool listens on (http:\/\/\S+:[1-9]\d*)$/m.exec(this.child.stdout)?.[1] ?? null;
    return await this.child.until(told, 'the program to say where it listens', START_LIMIT_MS);
  }

  /** The last step that was reached for each account; an account without a refresh in this life is missing. */
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
    return ''; // it died before it got so far
  }
}
