import { AfterBatch, LOOP_DELAY } from './after-batch.js';
import { type BatchKind, type Finding, type FuzzInput, inputsOf, runInputs } from './batch.js';
import { Draw } from './draw.js';
import { Setting } from './setting.js';

/** A program serves this many batches; then a new one starts, so that no memory grows without end. */
const BATCHES_PER_PROGRAM = 24;
/** A delay of the loop counts when it shows again this many times. */
const DELAY_REPEATS = 2;
const NARROWING_MS = 40_000;

export interface FuzzOptions {
  readonly seed: number;
  /** No batch begins later than this. */
  readonly seconds: number;
  /** Only this batch, once; null for all. */
  readonly batch: number | null;
  /** Only this input of it; null for all. */
  readonly input: number | null;
  readonly kinds: readonly [BatchKind, ...BatchKind[]];
}

/** The result of a fuzz run. */
export interface FuzzReport {
  readonly batches: number;
  readonly inputs: number;
  /** The findings of the first batch that had any, as text; empty if all is well. */
  readonly failure: string;
}

/** One batch: its number, and everything that follows from it and the seed. */
interface Batch {
  readonly number: number;
  readonly kind: BatchKind;
  readonly inputs: readonly FuzzInput[];
}

/** Runs batch after batch until one has findings or the time is over. */
export class Fuzz {
  #inputs = 0;
  #batches = 0;

  constructor(private readonly options: FuzzOptions) {}

  async run(): Promise<FuzzReport> {
    const { batch, seconds } = this.options;
    const deadline = performance.now() + seconds * 1_000;
    for (let number = batch ?? 0; ;) {
      await using setting = await Setting.start();
      const after = await AfterBatch.of(setting);
      for (let i = 0; i < BATCHES_PER_PROGRAM; i += 1, number += 1) {
        const current = this.#batch(number);
        const findings = await this.#runIn(setting, after, current, this.#wanted(current));
        const confirmed = await this.#confirmed(current, findings);
        if (confirmed.length > 0) return this.#report(await this.#describe(current, confirmed, setting));
        if (batch !== null || performance.now() > deadline) return this.#report('');
      }
    }
  }

  #report(failure: string): FuzzReport {
    return { batches: this.#batches, inputs: this.#inputs, failure };
  }

  #batch(number: number): Batch {
    const { kinds, seed } = this.options;
    const kind = kinds[number % kinds.length] ?? kinds[0];
    return { number, kind, inputs: inputsOf(kind, new Draw([seed, number])) };
  }

  #wanted({ inputs }: Batch): number[] {
    const { input } = this.options;
    return input === null ? inputs.map((_, index) => index) : [input];
  }

  async #runIn(
    setting: Setting,
    after: AfterBatch,
    batch: Batch,
    only: readonly number[],
  ): Promise<Finding[]> {
    const { kind, inputs } = batch;
    this.#batches += 1;
    this.#inputs += only.length;
    const findings = await runInputs(setting, inputs, only, kind.concurrency);
    try {
      const laws = await after.findings(kind);
      return [...findings, ...laws.map((text) => ({ text, input: null }))];
    } catch (error) {
      return [...findings, { text: `the program does not answer: ${String(error)}`, input: null }];
    }
  }

  /** The findings without delays of the loop that do not show again. */
  async #confirmed(batch: Batch, findings: readonly Finding[]): Promise<readonly Finding[]> {
    const sure = findings.filter((it) => !it.text.startsWith(LOOP_DELAY));
    if (sure.length > 0 || findings.length === 0) return findings;
    for (let i = 0; i < DELAY_REPEATS; i += 1) {
      if ((await this.#again(batch, this.#wanted(batch))).length === 0) return [];
    }
    return findings;
  }

  /** Runs inputs of a batch in a program of their own. */
  async #again(batch: Batch, only: readonly number[]): Promise<Finding[]> {
    await using setting = await Setting.start();
    return await this.#runIn(setting, await AfterBatch.of(setting), batch, only);
  }

  async #describe(batch: Batch, findings: readonly Finding[], setting: Setting): Promise<string> {
    const { number, kind, inputs } = batch;
    const known = findings.flatMap((it) => (it.input === null ? [] : [it.input]));
    const guilty = (await this.#narrowed(batch, known)) ?? known[0] ?? null;
    const repeat = `FUZZ_SEED=${this.options.seed} FUZZ_BATCH=${number}`;
    const listed = inputs.map((it, index) => `  ${index}: ${it.title}`);
    return [
      `batch ${number} (${kind.name}) failed; alone: ${repeat}${guilty === null ? '' : ` FUZZ_INPUT=${guilty}`}`,
      ...findings.slice(0, 12).map((it) => `- ${it.input === null ? '' : `input ${it.input}: `}${it.text}`),
      guilty === null
        ? 'no single input shows it; the inputs:'
        : `the input ${guilty}: ${inputs[guilty]?.title}`,
      ...(guilty === null ? listed : []),
      setting.program.troubles,
    ].join('\n');
  }

  /** The first input that shows a finding alone, the suspects first; null if none does, or the time for this is over. */
  async #narrowed(batch: Batch, suspects: readonly number[]): Promise<number | null> {
    const deadline = performance.now() + NARROWING_MS;
    for (const index of new Set([...suspects, ...this.#wanted(batch)])) {
      if (performance.now() > deadline) return null;
      if ((await this.#again(batch, [index])).length > 0) return index;
    }
    return null;
  }
}
