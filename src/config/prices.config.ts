import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { describeError } from '../runtime/pool-error.js';
import { limits } from './limits.js';
import { readPath } from './path-setting.js';

const price = z.number().nonnegative().finite();

/** The price of a model's tokens, in US dollars per million. */
const modelPriceSchema = z.strictObject({
  /** Of input tokens that upstream had not cached. */
  input: price,
  /** Of cached input tokens. */
  cached: price,
  /** Of output tokens, reasoning included. */
  output: price,
});
export type ModelPrice = Readonly<z.infer<typeof modelPriceSchema>>;
const pricesSchema = z.record(z.string().min(1).max(100), modelPriceSchema);

/** Prices by model. */
export type Prices = ReadonlyMap<string, ModelPrice>;

/** Reads the prices from the file that `PROXY_PRICES` names; null without one. A file that is no list of prices is a fault. */
export const pricesSchemaOfEnv = z
  .object({ PROXY_PRICES: z.string().default('') })
  .transform(({ PROXY_PRICES: file }, context): Prices | null => {
    if (file === '') return null;
    const read = readPrices(file);
    if (typeof read !== 'string') return read;
    context.addIssue({ code: 'custom', path: ['PROXY_PRICES'], message: read });
    return z.NEVER;
  });

/** Returns the prices in a file, or the reason why it cannot be used. */
function readPrices(file: string): Prices | string {
  const path = readPath(file);
  if (path.kind !== 'path') return path.fault;
  let json: unknown;
  try {
    const { size } = statSync(path.path);
    if (size > limits.pricesBytes) return `the file is larger than ${limits.pricesBytes} bytes`;
    json = JSON.parse(readFileSync(path.path, 'utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return 'the file is not JSON';
    return `the file cannot be read: ${describeError(error)}`;
  }
  const parsed = pricesSchema.safeParse(json);
  if (parsed.success) return new Map(Object.entries(parsed.data));
  const [issue] = parsed.error.issues;
  const place = issue === undefined || issue.path.length === 0 ? 'the file' : issue.path.join('.');
  return `expected {"<model>": {"input": 1.25, "cached": 0.125, "output": 10}, …}, US dollars per million tokens; ${place}: ${issue?.message ?? 'invalid'}`;
}
