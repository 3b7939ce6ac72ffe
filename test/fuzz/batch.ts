import type { Draw } from './draw.js';
import type { Setting } from './setting.js';

/** One input: something that a client, upstream, the operator or the disk does. */
export interface FuzzInput {
  /** A short description, the same for the same seed. */
  readonly title: string;
  /** Does it, and returns what was wrong with the answers. */
  readonly run: (setting: Setting) => Promise<readonly string[]>;
}

/** A kind of batch. */
export interface BatchKind {
  readonly name: string;
  readonly inputs: number;
  /** Inputs at the same time. */
  readonly concurrency: number;
  /** Whether no input may make an account unavailable. */
  readonly blamesNoAccount: boolean;
  readonly make: (draw: Draw) => FuzzInput;
}

/** A finding, with its input if only one can have caused it. */
export interface Finding {
  readonly text: string;
  readonly input: number | null;
}

/** The inputs of a batch. Each is drawn by itself, so that it is the same when it runs alone. */
export function inputsOf(kind: BatchKind, draw: Draw): FuzzInput[] {
  return Array.from({ length: kind.inputs }, (_, index) => kind.make(draw.fork(index)));
}

/** Runs these inputs of a batch, some at a time. */
export async function runInputs(
  setting: Setting,
  inputs: readonly FuzzInput[],
  only: readonly number[],
  concurrency: number,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const waiting = [...only];
  const work = async (): Promise<void> => {
    for (let index = waiting.shift(); index !== undefined; index = waiting.shift()) {
      const input = inputs[index];
      if (input === undefined) continue;
      for (const text of await runOne(input, setting)) findings.push({ text, input: index });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, work));
  return findings;
}

async function runOne(input: FuzzInput, setting: Setting): Promise<readonly string[]> {
  try {
    return await input.run(setting);
  } catch (error) {
    return [`the input could not be run to its end: ${String(error)}`];
  }
}
